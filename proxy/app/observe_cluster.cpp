#include "app/observe_cluster.hpp"

#include "net/examine.hpp"
#include "net/http_health.hpp"
#include "net/inquire.hpp"
#include "net/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <memory>

namespace roachpin::app {
namespace {

/// Each name is one question or more to each server at the same time.
constexpr std::size_t most_names = 8;
constexpr std::size_t most_addresses = 32;

/// What is left of a cached record's time may be short by chance; what is fresh tells.
constexpr std::chrono::seconds doubtful_ttl{5};

audit::dial_phase phase_of(net::dial_phase phase) {
    switch (phase) {
    case net::dial_phase::tcp:
        return audit::dial_phase::tcp;
    case net::dial_phase::sslrequest:
        return audit::dial_phase::sslrequest;
    case net::dial_phase::tls:
    case net::dial_phase::startup:
        break;
    }
    return audit::dial_phase::tls;
}

audit::dial_trouble trouble_of(const net::dial_failure& why) {
    return {phase_of(why.phase), why.reason, why.detail, why.hostile};
}

audit::proof proof_of(const tls::chain_facts& shown) {
    return {.subject = shown.subject,
            .issuer = shown.issuer,
            .names = shown.names,
            .names_host = shown.names_host,
            .leaf_key = shown.leaf_key,
            .key_kind = shown.key_kind,
            .key_bits = shown.key_bits,
            .digest = shown.digest,
            .tls_version = shown.tls_version,
            .ends = shown.ends,
            .ends_first = shown.ends_first};
}

policy::named_answer* doubtful(policy::observation& one) {
    auto* named = std::get_if<policy::named_answer>(&one.said);
    return named != nullptr && named->ttl < doubtful_ttl ? named : nullptr;
}

class observer {
public:
    observer(const prepared& from, net::resolver* names, progress tell)
        : from_(from), names_(names), tell_(std::move(tell)), nodes_(from.made.nodes.size()) {
        for (const auto& node : from.made.nodes) {
            targets_.push_back(std::make_shared<const policy::node>(node));
        }
    }

    net::awaitable<std::vector<audit::node_observation>> look();

private:
    struct place {
        std::size_t node;
        std::size_t address; ///< of the node's observation
    };

    using work = net::awaitable<void> (observer::*)(std::size_t);

    net::awaitable<void> side_by_side(std::size_t count, std::size_t most, work each);
    net::awaitable<void> one_after_the_other(std::size_t& next, std::size_t count, work each);
    void find_places();

    net::awaitable<void> ask(std::size_t name);
    net::awaitable<void> ask_again(const net::resolved_name& what,
                                   std::vector<policy::observation>& said);
    net::awaitable<void> dial(std::size_t index);
    net::awaitable<void> ask_health(policy::candidate at, audit::address_observation& seen);

    const prepared& from_;
    net::resolver* names_;
    progress tell_;
    std::vector<std::shared_ptr<const policy::node>> targets_;
    std::vector<audit::node_observation> nodes_;
    std::vector<place> places_;
};

net::awaitable<std::vector<audit::node_observation>> observer::look() {
    co_await side_by_side(from_.made.names.size(), most_names, &observer::ask);
    find_places();
    co_await side_by_side(places_.size(), most_addresses, &observer::dial);
    co_return std::move(nodes_);
}

net::awaitable<void> observer::side_by_side(std::size_t count, std::size_t most, work each) {
    const auto where = co_await net::asio::this_coro::executor;
    std::size_t next = 0;
    net::task_group working(where);
    for (std::size_t lane = 0; lane < std::min(count, most); ++lane) {
        working.spawn(one_after_the_other(next, count, each));
    }
    co_await working.join_or_cancel();
}

net::awaitable<void> observer::one_after_the_other(std::size_t& next, std::size_t count,
                                                   work each) {
    while (next < count) {
        const auto one = next++;
        co_await (this->*each)(one);
    }
}

/// All of them before the first is dialled: they stay where they are.
void observer::find_places() {
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
        const auto& made = nodes_[node].made;
        const auto& endpoints = made ? made->usable : targets_[node]->endpoints;
        for (const auto& where : endpoints) {
            places_.push_back({node, nodes_[node].addresses.size()});
            nodes_[node].addresses.push_back({where});
        }
    }
}

net::awaitable<void> observer::ask(std::size_t name) {
    const auto& what = from_.made.names[name];
    auto& seen = nodes_[what.node];
    seen.lock = what.rules.answers.lock;
    tell_(targets_[what.node]->host.text() + ": asking " +
          std::to_string(names_->servers().size()) + " server(s)");
    const auto told = co_await net::inquire_all(*names_, what.name, what.srv);
    for (std::size_t server = 0; server < told.size(); ++server) {
        seen.said.push_back(net::observe(server, told[server], what.port));
    }
    seen.made = policy::decide({}, seen.said, what.rules, core::clock::now());
    co_await ask_again(what, seen.said);
}

/// For the whole of a TTL, where what was told may be the rest of one.
net::awaitable<void> observer::ask_again(const net::resolved_name& what,
                                         std::vector<policy::observation>& said) {
    std::optional<core::duration> longest;
    for (auto& one : said) {
        if (const auto* named = doubtful(one)) {
            longest = std::max(longest.value_or(named->ttl), named->ttl);
        }
    }
    if (!longest) {
        co_return;
    }
    net::timer until_it_is_fresh(co_await net::asio::this_coro::executor);
    until_it_is_fresh.expires_after(*longest + std::chrono::seconds(1));
    const auto [cancelled] = co_await until_it_is_fresh.async_wait(net::as_result);
    for (auto& one : said) {
        auto* named = cancelled ? nullptr : doubtful(one);
        if (named == nullptr) {
            continue;
        }
        const auto told = co_await net::inquire(*names_, one.server, what.name, what.srv);
        const auto fresh = net::observe(one.server, told, what.port);
        if (const auto* more = std::get_if<policy::named_answer>(&fresh.said)) {
            named->ttl = std::max(named->ttl, more->ttl);
        }
    }
}

net::awaitable<void> observer::dial(std::size_t index) {
    const auto [node, address] = places_[index];
    auto& seen = nodes_[node].addresses[address];
    policy::candidate to{targets_[node], seen.where};
    const auto named = to.target->host.text() + " at " + seen.where.to_string();
    tell_(named + ": dialling");
    const auto patience = from_.configuration.timeouts.dial;
    const auto deadline = core::clock::now() + patience;
    const auto examined = co_await net::examine(to, *from_.made.upstream, deadline, patience);
    if (!examined) {
        const auto& why = examined.error();
        seen.trouble = trouble_of(why);
        tell_(named + ": " + std::string(net::to_string(why.phase)) + ", " + why.reason);
        co_return;
    }
    seen.proof = proof_of(examined->proved);
    seen.startup = audit::readiness{examined->said.answers, examined->said.sentence};
    tell_(named + ": proved; " + examined->said.sentence);
    if (from_.made.health) {
        co_await ask_health(std::move(to), seen);
    }
}

/// As `run` does: the web port is held to the name, and to no pins.
net::awaitable<void> observer::ask_health(policy::candidate at, audit::address_observation& seen) {
    const auto& http = *from_.made.health;
    policy::candidate web{std::make_shared<const policy::node>(policy::node{at.target->host}),
                          {at.where.address, http.port}};
    const auto deadline = core::clock::now() + from_.configuration.health.timeout;
    const auto refused = co_await net::ask_health(std::move(web), *http.roots, http.path, deadline);
    seen.health = audit::readiness{};
    seen.health->ready = !refused;
    seen.health->sentence =
        http.path + ": " +
        (refused ? refused->reason + ": " + refused->detail : "the node answered 200");
    tell_(at.target->host.text() + " at " + at.where.to_string() + ": " + seen.health->sentence);
}

} // namespace

net::awaitable<std::vector<audit::node_observation>>
observe_cluster(const prepared& from, net::resolver* names, progress tell) {
    observer looking(from, names, std::move(tell));
    auto seen = co_await looking.look();
    co_return seen;
}

} // namespace roachpin::app
