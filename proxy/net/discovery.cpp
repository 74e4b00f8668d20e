#include "net/discovery.hpp"

#include "net/dial.hpp"
#include "net/inquire.hpp"
#include "net/internal_error.hpp"

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

/// For a metric: what a server's part of a round was.
std::string label_of(const policy::observation& said) {
    if (const auto* silent = std::get_if<policy::silence>(&said.said)) {
        return std::string(to_string(silent->kind));
    }
    return std::holds_alternative<policy::unusable>(said.said) ? "malformed" : "answered";
}

} // namespace

discovery::discovery(executor where, discovery_options options, resolver* names,
                     std::shared_ptr<const tls::upstream_context> upstream,
                     core::event_source& events)
    : where_(where), options_(std::move(options)), names_(names), upstream_(std::move(upstream)),
      events_(events), roster_(options_.nodes, options_.health),
      prover_(where, timer::time_point::max()) {
    for (const auto& one : options_.names) {
        watched_.emplace_back(one, where);
    }
}

void discovery::learn_from(const discovery& before, bool same_servers) {
    for (auto& one : watched_) {
        const auto& host = roster_.at(one.what.node).host;
        const auto known = std::find_if(
            before.watched_.begin(), before.watched_.end(), [&](const watched_name& other) {
                return before.roster_.at(other.what.node).host == host &&
                       other.what.srv == one.what.srv && other.what.port == one.what.port;
            });
        if (known == before.watched_.end()) {
            continue;
        }
        const auto state = same_servers ? known->state : policy::forget_servers(known->state);
        const auto proofs = before.roster_.proofs_of(known->what.node);
        auto decided = policy::decide(state, {}, one.what.rules, core::clock::now(), proofs);
        one.state = std::move(decided.next);
        one.usable = std::move(decided.usable);
        one.was_stale = known->was_stale;
        roster_.set_addresses(one.what.node, one.usable);
    }
    roster_.learn_from(before.roster_);
    proofs_ = before.proofs_;
    forget_proofs_of_others();
    told_leaves_ = before.told_leaves_;
}

void discovery::publish_to(publisher publish) {
    publish_ = std::move(publish);
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
        proving.spawn(prove(one, true));
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

net::standing discovery::standing() const {
    net::standing now;
    for (auto& one : roster_.standings()) {
        const auto proof = proofs_.find(key_of(one.at));
        now.places.push_back(
            {std::move(one), proof != proofs_.end() ? std::optional(proof->second) : std::nullopt});
    }
    for (const auto& one : watched_) {
        const auto& all = one.state.addresses;
        net::standing::name name{one.what.node,
                                 one.what.srv.value_or(one.what.name),
                                 one.was_stale,
                                 one.state.last_good,
                                 {},
                                 one.dissent,
                                 0,
                                 one.outside_lock};
        for (const auto& [server, trouble] : one.said) {
            name.servers.push_back({names_->servers()[server].name, trouble});
        }
        name.waiting = static_cast<std::size_t>(std::count_if(
            all.begin(), all.end(), [](const auto& each) { return !each.second.accepted; }));
        now.names.push_back(std::move(name));
    }
    return now;
}

std::vector<std::string> discovery::failures() const {
    std::vector<std::string> all;
    for (const auto& one : watched_) {
        all.insert(all.end(), one.refused.begin(), one.refused.end());
        all.insert(all.end(), one.silent.begin(), one.silent.end());
    }
    for (const auto& one : watched_) {
        if (one.was_stale) {
            all.push_back(roster_.at(one.what.node).host.text() +
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
    for (std::size_t i = 0; i < roster_.size(); ++i) {
        look_again(roster_.at(i).host);
    }
}

void discovery::doubt(const core::host_name& host, const core::endpoint& where) {
    roster_.doubt(host, where);
    prover_.cancel();
    look_again(host);
}

void discovery::note_refusal(const core::host_name& host, const core::endpoint& where,
                             const std::string& reason, const std::string& sentence) {
    for (std::size_t i = 0; i < roster_.size(); ++i) {
        const policy::roster::place one{i, where};
        if (roster_.at(i).host == host && roster_.knows(one)) {
            auto told = "startup, " + reason;
            told.append(": ").append(sentence);
            const auto change = roster_.refused(
                one, {policy::roster::failure_kind::not_ready, reason, std::move(told)},
                this_moment());
            tell_failure(one, change, {"startup", reason, sentence, false});
        }
    }
}

discovery::place_key discovery::key_of(const policy::roster::place& one) const {
    return {roster_.at(one.node).host, one.where};
}

core::node_facts discovery::facts_of(const policy::roster::place& one) const {
    return {roster_.at(one.node).host.text(), one.where.to_string()};
}

void discovery::forget_proofs_of_others() {
    std::set<place_key> there;
    for (const auto& one : roster_.standings()) {
        there.insert(key_of(one.at));
    }
    std::erase_if(proofs_, [&](const auto& each) { return !there.contains(each.first); });
}

void discovery::look_again(const core::host_name& host) {
    for (auto& one : watched_) {
        if (roster_.at(one.what.node).host == host) {
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
            events_.emit(events::internal_error{{}, what_was_thrown(problem)});
            one.due = core::clock::now() + one.what.rules.refresh_max;
        }
    }
}

awaitable<void> discovery::ask(watched_name& one) {
    one.asked_at = core::clock::now();
    one.hurry = false;
    const auto servers = names_->servers().size();
    std::vector<heard> all(servers);
    task_group asking(where_, internal_errors_to(events_));
    for (std::size_t server = 0; server < servers; ++server) {
        asking.spawn(ask_server(one, server, all[server]));
    }
    co_await asking.join_or_cancel();
    std::vector<policy::observation> said;
    for (const auto& each : all) {
        if (each.said) {
            one.said[each.said->server].reset();
            said.push_back(*each.said);
        }
    }
    auto decided = policy::decide(one.state, said, one.what.rules, core::clock::now(),
                                  roster_.proofs_of(one.what.node));
    for (const auto& each : all) {
        tell_asked(one, each, decided);
    }
    conclude(one, std::move(decided));
}

awaitable<void> discovery::ask_server(const watched_name& one, std::size_t server, heard& into) {
    const auto start = core::clock::now();
    const auto told = co_await inquire(*names_, server, one.what.name, one.what.srv);
    into.said = observe(server, told, one.what.port);
    into.took = core::clock::now() - start;
}

void discovery::tell_asked(const watched_name& one, const heard& what,
                           const policy::decision& decided) {
    if (!what.said) {
        return;
    }
    const auto server = what.said->server;
    const bool refused =
        std::any_of(decided.trouble.begin(), decided.trouble.end(), [&](const auto& trouble) {
            return trouble.server == server && trouble.refused;
        });
    auto label = label_of(*what.said);
    events_.emit(events::dns_asked{
        roster_.at(one.what.node).host.text(), names_->servers()[server].name,
        refused && label == "answered" ? "refused" : std::move(label), what.took});
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
        forget_proofs_of_others();
        prover_.cancel();
    }
    if (!roster_.is_any_proved()) {
        publish(); // whoever waits is told why
    }
}

void discovery::report(watched_name& one, const policy::decision& decided) {
    const auto& host = roster_.at(one.what.node).host.text();
    one.refused.clear();
    one.silent.clear();
    for (const auto& trouble : decided.trouble) {
        const auto& server = names_->servers()[trouble.server].name;
        one.said[trouble.server] = trouble;
        auto& told = (trouble.refused ? one.refused : one.silent).emplace_back(host);
        told.append(": ").append(server).append(" says: ").append(trouble.sentence);
        told.append(" (").append(trouble.finding).append(")");
        events_.emit(events::dns_answer_refused{host, server, trouble.reason, trouble.finding,
                                                trouble.sentence, !trouble.refused, trouble.news});
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
    task_group proving(where_, internal_errors_to(events_));
    co_await asio::this_coro::throw_if_cancelled(false);
    while (true) {
        for (const auto& one : roster_.take_due(core::clock::now())) {
            proving.spawn(prove(one, false));
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

/// `at_first`: somebody waits for an outcome, whatever it is.
awaitable<void> discovery::prove(policy::roster::place one, bool at_first) {
    const policy::candidate to{roster_.shared(one.node), one.where};
    const auto proved = co_await inspect_place(to);
    std::optional<health_refusal> refusal;
    if (proved && options_.http) {
        refusal = co_await ask_place(to);
    }
    const auto told = co_await asio::this_coro::cancellation_state;
    if (told.cancelled() != asio::cancellation_type::none || !roster_.knows(one)) {
        co_return; // a dial that was broken off says nothing; or the place has left meanwhile
    }
    if (!proved && proved.error().reason == out_of_resources && !at_first) {
        tell_postponed(one, proved.error());
        co_return;
    }
    using kind = policy::roster::failure_kind;
    if (proved && !refusal) {
        note_proved(one, *proved);
        co_return;
    }
    auto failed_as = kind::down;
    place_failure why;
    if (!proved) {
        const auto& dial = proved.error();
        failed_as = dial.hostile ? kind::hostile : kind::down;
        why = {std::string(to_string(dial.phase)), dial.reason, dial.detail, dial.hostile};
    } else {
        failed_as = refusal->said ? kind::not_ready : kind::down;
        why = {"health", refusal->reason, refusal->detail, false};
    }
    const auto change = roster_.failed(
        one, {failed_as, why.reason, why.phase + ", " + why.reason + ": " + why.detail},
        this_moment());
    tell_failure(one, change, std::move(why));
}

awaitable<inspection> discovery::inspect_place(policy::candidate to) {
    inspection proved = dial_failure{dial_phase::tcp, "internal_error", "", false};
    try {
        proved = co_await inspect(std::move(to), *upstream_, core::clock::now() + options_.probe,
                                  &events_);
    } catch (const std::exception& problem) { // out of memory, as a rule: this place is tried again
        if (is_cancellation(std::current_exception())) {
            throw;
        }
        proved = dial_failure{dial_phase::tcp, "internal_error", problem.what(), false};
    }
    co_return proved;
}

/// The certificate of a node's web port may be of another authority and key than its SQL port's: it
/// is held to the name, and to no pins.
awaitable<std::optional<health_refusal>> discovery::ask_place(policy::candidate to) {
    const policy::candidate web{std::make_shared<const policy::node>(policy::node{to.target->host}),
                                {to.where.address, options_.http->port}};
    return ask_health(web, *options_.http->roots, options_.http->path,
                      core::clock::now() + options_.probe);
}

void discovery::note_proved(const policy::roster::place& one, const tls::peer_facts& proved) {
    note_leaf(one, proved.leaf_key);
    proofs_.insert_or_assign(key_of(one), net::standing::proof{core::clock::now(), proved});
    const bool nothing_yet = !roster_.is_any_proved();
    const auto change = roster_.proved(one, this_moment());
    if (change.news) {
        events_.emit(events::address_admitted{facts_of(one)});
    }
    if (change.rotation || nothing_yet) {
        publish();
    }
    prover_.cancel(); // its next turn may come before all others'
}

void discovery::tell_failure(const policy::roster::place& one, const policy::roster::change& change,
                             place_failure why) {
    const auto& host = roster_.at(one.node).host;
    if (change.news) {
        events_.emit(events::address_not_proved{facts_of(one), std::string(to_string(change.state)),
                                                std::move(why.phase), std::move(why.reason),
                                                std::move(why.detail), why.hostile, change.again});
    }
    if (why.hostile || roster_.proofs_of(one.node).now.empty()) {
        look_again(host); // DNS may know where it is now
    }
    if (change.rotation || change.news) {
        publish(); // whoever waits is told why
    }
    prover_.cancel(); // its next turn may come before all others'
}

/// Nothing was learnt of the node, and roachpin's own trouble is said.
void discovery::tell_postponed(const policy::roster::place& one, const dial_failure& why) {
    roster_.postponed(one, this_moment());
    events_.emit(events::dial_failed{
        {}, facts_of(one), std::string(to_string(why.phase)), why.reason, why.detail, false});
    prover_.cancel();
}

policy::roster::moment discovery::this_moment() {
    return {core::clock::now(), std::uniform_real_distribution<double>(0, 1)(random_)};
}

void discovery::note_leaf(const policy::roster::place& one, const core::spki_pin& leaf) {
    const auto& node = roster_.at(one.node);
    const auto& known = node.known_leaves;
    if (!known.empty() && std::find(known.begin(), known.end(), leaf) == known.end() &&
        told_leaves_.emplace(one.node, leaf).second) {
        events_.emit(events::leaf_not_in_lock{facts_of(one), leaf.to_base64()});
    }
}

void discovery::publish() {
    if (publish_) {
        publish_(roster_.members());
    }
}

} // namespace roachpin::net
