#include "net/discovery.hpp"

#include "net/dial.hpp"
#include "net/inquire.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>

namespace roachpin::net {
namespace {

namespace events = core::events;

std::string joined(const std::vector<core::endpoint>& endpoints) {
    std::string text;
    for (const auto& one : endpoints) {
        text += (text.empty() ? "" : ", ") + one.to_string();
    }
    return text.empty() ? "none" : text;
}

} // namespace

discovery::discovery(executor where, discovery_options options, resolver* names,
                     const tls::upstream_context& upstream, core::event_source& events,
                     publisher publish)
    : where_(where), options_(std::move(options)), names_(names), upstream_(upstream),
      events_(events), publish_(std::move(publish)), roster_(options_.nodes),
      prover_(where, timer::time_point::max()) {
    for (const auto& one : options_.names) {
        watched_.emplace_back(one, where);
    }
    this->publish();
}

awaitable<first_look> discovery::look() {
    task_group asking(where_);
    for (auto& one : watched_) {
        asking.spawn(ask(one));
    }
    co_await asking.join_or_cancel();
    task_group proving(where_);
    for (const auto& one : roster_.take_due(core::clock::now())) {
        proving.spawn(prove(one));
    }
    co_await proving.join_or_cancel();

    first_look seen{roster_.hostile(), {}, roster_.is_any_proved()};
    for (const auto& one : watched_) {
        seen.surprises.insert(seen.surprises.begin(), one.refused.begin(), one.refused.end());
        seen.failures.insert(seen.failures.end(), one.silent.begin(), one.silent.end());
    }
    for (auto& failure : roster_.failures()) {
        if (std::find(seen.surprises.begin(), seen.surprises.end(), failure) ==
            seen.surprises.end()) {
            seen.failures.push_back(std::move(failure));
        }
    }
    co_return seen;
}

std::vector<std::string> discovery::failures() const {
    std::vector<std::string> all;
    for (const auto& one : watched_) {
        all.insert(all.end(), one.refused.begin(), one.refused.end());
        all.insert(all.end(), one.silent.begin(), one.silent.end());
    }
    for (const auto& one : watched_) {
        if (one.was_stale) {
            all.push_back(roster_.nodes()[one.what.node].host.text() +
                          ": no clean answer for resolver.max_stale");
        }
    }
    const auto unproved = roster_.failures();
    all.insert(all.end(), unproved.begin(), unproved.end());
    return all;
}

void discovery::keep_looking(task_group& tasks) {
    for (auto& one : watched_) {
        tasks.spawn(watch(one));
    }
    tasks.spawn(keep_proving());
}

void discovery::look_again() {
    for (const auto& node : roster_.nodes()) {
        look_again(node.host);
    }
}

void discovery::doubt(const core::host_name& host, const core::endpoint& where) {
    roster_.doubt(host, where);
    prover_.cancel();
    look_again(host);
}

void discovery::look_again(const core::host_name& host) {
    for (auto& one : watched_) {
        if (roster_.nodes()[one.what.node].host == host) {
            one.hurry = true; // an answer that is under way may be older than the reason for this
            one.due = std::min(one.due, one.asked_at + one.what.rules.refresh_min);
            one.next.cancel();
        }
    }
}

awaitable<void> discovery::watch(watched_name& one) {
    while (true) {
        while (core::clock::now() < one.due) {
            one.next.expires_at(one.due);
            co_await one.next.async_wait(as_result);
        }
        std::exception_ptr problem;
        try {
            co_await ask(one);
        } catch (...) {
            problem = std::current_exception();
        }
        if (problem && is_cancellation(problem)) {
            std::rethrow_exception(problem);
        }
        if (problem) { // out of memory, as a rule: asked again
            report_bug(problem);
            one.due = core::clock::now() + one.what.rules.refresh_max;
        }
    }
}

void discovery::report_bug(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& problem) {
        events_.emit(events::internal_error{{}, problem.what()});
    } catch (...) {
        events_.emit(events::internal_error{{}, "an unknown exception"});
    }
}

awaitable<void> discovery::ask(watched_name& one) {
    one.asked_at = core::clock::now();
    one.hurry = false;
    const auto servers = names_->servers().size();
    std::vector<std::optional<policy::observation>> said(servers);
    task_group asking(where_, [this](const std::exception_ptr& thrown) { report_bug(thrown); });
    for (std::size_t server = 0; server < servers; ++server) {
        asking.spawn(ask_server(one, server, said[server]));
    }
    co_await asking.join_or_cancel();
    std::vector<policy::observation> heard;
    for (auto& each : said) {
        if (each) {
            heard.push_back(std::move(*each));
        }
    }
    conclude(one, policy::decide(one.state, heard, one.what.rules, core::clock::now(),
                                 roster_.proofs_of(one.what.node)));
}

awaitable<void> discovery::ask_server(const watched_name& one, std::size_t server,
                                      std::optional<policy::observation>& said) {
    const auto heard = co_await inquire(*names_, server, one.what.name, one.what.srv);
    said = observe(server, heard, one.what.port);
}

/// What was decided becomes what is: nothing here looks at an answer.
void discovery::conclude(watched_name& one, policy::decision decided) {
    report(one, decided);
    one.state = std::move(decided.next);
    // Up to a tenth earlier, so that a fleet does not ask in step.
    std::uniform_real_distribution<double> part(0.9, 1);
    const auto wait = core::duration(static_cast<core::duration::rep>(
        static_cast<double>(decided.ask_again.count()) * part(random_)));
    one.due = core::clock::now() + (one.hurry ? std::min(wait, one.what.rules.refresh_min) : wait);
    if (one.usable != decided.usable) {
        one.usable = std::move(decided.usable);
        if (roster_.set_addresses(one.what.node, one.usable)) {
            publish();
        }
        prover_.cancel();
    }
    if (!roster_.is_any_proved()) {
        publish(); // whoever waits is told why
    }
}

void discovery::report(watched_name& one, const policy::decision& decided) {
    const auto& host = roster_.nodes()[one.what.node].host.text();
    one.refused.clear();
    one.silent.clear();
    for (const auto& trouble : decided.trouble) {
        const auto& server = names_->servers()[trouble.server].name;
        auto& told = (trouble.refused ? one.refused : one.silent).emplace_back(host);
        told.append(": ").append(server).append(" says: ").append(trouble.sentence);
        told.append(" (").append(trouble.finding).append(")");
        if (trouble.news) {
            events_.emit(events::dns_answer_refused{host, server, trouble.reason, trouble.finding,
                                                    trouble.sentence});
        }
    }
    for (const auto server : decided.recovered) {
        events_.emit(events::dns_answers_again{host, names_->servers()[server].name});
    }
    const auto dissent = decided.dissent ? decided.dissent->sentence : "";
    if (decided.dissent) {
        one.silent.push_back(host + ": " + dissent + " (DNS-RESOLVER-DISAGREE)");
    }
    if (decided.dissent && dissent != one.dissent) {
        std::string names;
        for (const auto server : decided.dissent->dissenters) {
            names += names.empty() ? "" : ", ";
            names += names_->servers()[server].name;
        }
        events_.emit(events::dns_servers_disagree{host, names, dissent});
    }
    one.dissent = dissent;
    if (!decided.added.empty() || !decided.removed.empty()) {
        events_.emit(events::names_changed{host, joined(one.usable), joined(decided.usable),
                                           decided.rapid_change});
    }
    if (decided.outside_lock != one.outside_lock) {
        one.outside_lock = decided.outside_lock;
        events_.emit(events::lock_drift{host, joined(one.outside_lock)});
    }
    if (decided.stale != one.was_stale) {
        one.was_stale = decided.stale;
        events_.emit(events::names_stale{host, decided.stale});
    }
}

awaitable<void> discovery::keep_proving() {
    task_group proving(where_, [this](const std::exception_ptr& thrown) { report_bug(thrown); });
    co_await asio::this_coro::throw_if_cancelled(false);
    while (true) {
        for (const auto& one : roster_.take_due(core::clock::now())) {
            proving.spawn(prove(one));
        }
        prover_.expires_at(roster_.next_due().value_or(timer::time_point::max()));
        co_await prover_.async_wait(as_result);
        const auto told = co_await asio::this_coro::cancellation_state;
        if (told.cancelled() != asio::cancellation_type::none) {
            break;
        }
    }
    proving.cancel();
    co_await proving.join();
}

awaitable<void> discovery::prove(policy::roster::place one) {
    const auto target = std::make_shared<const policy::node>(roster_.nodes()[one.node]);
    const core::node_facts facts{target->host.text(), one.where.to_string()};
    policy::candidate to{target, one.where};
    inspection proved = dial_failure{dial_phase::tcp, "internal_error", "", false};
    try {
        proved = co_await inspect(std::move(to), upstream_, core::clock::now() + options_.dial);
    } catch (const std::exception& problem) { // out of memory, as a rule: this place is tried again
        if (is_cancellation(std::current_exception())) {
            throw;
        }
        proved = dial_failure{dial_phase::tcp, "internal_error", problem.what(), false};
    }
    if (!roster_.knows(one)) {
        co_return; // it has left in the meantime
    }
    const bool nothing_yet = !roster_.is_any_proved();
    if (proved) {
        note_leaf(one, proved->leaf_key);
        const bool enters = roster_.proved(one);
        events_.emit(events::address_admitted{facts});
        if (enters || nothing_yet) {
            publish();
        }
        co_return;
    }
    const auto& why = proved.error();
    const auto phase = std::string(to_string(why.phase));
    const auto wait = roster_.failed(
        one, {why.hostile, phase + ", " + why.reason + ": " + why.detail}, core::clock::now());
    events_.emit(
        events::address_not_proved{facts, phase, why.reason, why.detail, why.hostile, wait});
    if (why.hostile || roster_.proofs_of(one.node).now.empty()) {
        look_again(target->host); // DNS may know where it is now
    }
    publish();        // it may have left the rotation; and whoever waits is told why
    prover_.cancel(); // its next turn may come before all others'
}

void discovery::note_leaf(const policy::roster::place& one, const core::spki_pin& leaf) {
    const auto& node = roster_.nodes()[one.node];
    const auto& known = node.known_leaves;
    if (!known.empty() && std::find(known.begin(), known.end(), leaf) == known.end() &&
        told_leaves_.emplace(one.node, leaf).second) {
        events_.emit(
            events::leaf_not_in_lock{{node.host.text(), one.where.to_string()}, leaf.to_base64()});
    }
}

void discovery::publish() {
    publish_(roster_.in_rotation());
}

} // namespace roachpin::net
