#include "app/observe_nodes.hpp"

#include "app/resolve_report.hpp"
#include "net/dial.hpp"
#include "net/inquire.hpp"
#include "net/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace roachpin::app {
namespace {

using endpoints = std::vector<core::endpoint>;

class observer {
public:
    observer(const prepared& from, net::resolver* names) : from_(from), names_(names) {}

    net::awaitable<seen_nodes> look();

private:
    net::awaitable<void> look_at(std::size_t node);
    net::awaitable<void> find(const net::resolved_name& what, observed_node& seen,
                              endpoints& found);
    net::awaitable<void> prove(policy::candidate to, observed_node& seen);
    void judge(const resolve_report& report, observed_node& seen);

    void say(const std::string& sentence, bool is_failure);

    const prepared& from_;
    net::resolver* names_;
    std::vector<observed_node> nodes_;
    std::vector<std::string> failures_;
};

net::awaitable<seen_nodes> observer::look() {
    const auto where = co_await net::asio::this_coro::executor;
    for (const auto& node : from_.made.nodes) {
        nodes_.push_back({node.host});
    }
    net::task_group looking(where);
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
        looking.spawn(look_at(node));
    }
    co_await looking.join_or_cancel();
    std::sort(failures_.begin(), failures_.end());
    seen_nodes seen;
    seen.nodes = std::move(nodes_);
    seen.failures = std::move(failures_);
    co_return seen;
}

net::awaitable<void> observer::look_at(std::size_t node) {
    const auto where = co_await net::asio::this_coro::executor;
    const auto target = std::make_shared<const policy::node>(from_.made.nodes[node]);
    auto places = target->endpoints;
    const auto& names = from_.made.names;
    const auto name =
        std::find_if(names.begin(), names.end(), [&](const auto& one) { return one.node == node; });
    if (name != names.end()) {
        co_await find(*name, nodes_[node], places);
    }
    net::task_group proving(where);
    for (const auto& place : places) {
        policy::candidate to{target, place};
        proving.spawn(prove(std::move(to), nodes_[node]));
    }
    co_await proving.join_or_cancel();
}

net::awaitable<void> observer::find(const net::resolved_name& what, observed_node& seen,
                                    endpoints& found) {
    say(seen.host.text() + ": asking for its addresses", false);
    auto told = co_await net::inquire_all(*names_, what.name, what.srv);
    std::vector<std::string> servers;
    for (const auto& one : names_->servers()) {
        servers.push_back(one.name);
    }
    name_question asked{what.name, what.srv, what.port, what.rules};
    const auto report =
        make_report(std::move(asked), std::move(servers), std::move(told), core::clock::now());
    judge(report, seen);
    found = report.made.usable;
}

/// A lock is written from answers that are all believed. Servers that say nothing are no hindrance
/// while enough others do.
void observer::judge(const resolve_report& report, observed_node& seen) {
    const auto& host = seen.host.text();
    const auto& made = report.made;
    std::vector<bool> is_clean(report.said.size(), true);
    for (const auto& trouble : made.trouble) {
        is_clean[trouble.server] = false;
        const auto sentence = host + ": " + report.servers[trouble.server] +
                              " says: " + trouble.sentence + " (" + trouble.finding + ")";
        say(sentence, trouble.refused || made.usable.empty());
    }
    if (made.dissent) {
        say(host + ": " + made.dissent->sentence + " (DNS-RESOLVER-DISAGREE)", made.usable.empty());
    } else if (made.usable.empty() && made.trouble.empty()) {
        say(host + ": too few servers name an address (resolver.agreement)", true);
    }
    for (const auto& one : report.said) {
        if (is_clean[one.server]) {
            seen.chains.push_back(std::get<policy::named_answer>(one.said).chain);
        }
    }
}

net::awaitable<void> observer::prove(policy::candidate to, observed_node& seen) {
    const auto address = to.where.address;
    const auto place = seen.host.text() + " at " + to.where.to_string();
    const auto deadline = core::clock::now() + from_.configuration.timeouts.dial;
    auto proved = co_await net::inspect(std::move(to), *from_.made.upstream, deadline);
    if (!proved) {
        const auto& why = proved.error();
        say(place + ": " + std::string(net::to_string(why.phase)) + ", " + why.reason + ": " +
                why.detail,
            true);
        co_return;
    }
    say(place + ": proved", false);
    seen.peers.push_back({address, std::move(*proved)});
}

/// Failures are said at the end, together.
void observer::say(const std::string& sentence, bool is_failure) {
    if (is_failure) {
        failures_.push_back(sentence);
    } else {
        tell(sentence);
    }
}

} // namespace

net::awaitable<seen_nodes> observe_nodes(const prepared& from, net::resolver* names) {
    observer looking(from, names);
    auto seen = co_await looking.look();
    co_return seen;
}

} // namespace roachpin::app
