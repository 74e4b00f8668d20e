#include "app/resolve_command.hpp"

#include "app/prepare.hpp"
#include "app/resolve_report.hpp"
#include "net/inquire.hpp"
#include "policy/listed.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <iostream>

namespace roachpin::app {
namespace {

/// A name that can be asked for; otherwise nothing, and why was said.
std::optional<core::dns_name> read_name(const std::string& text) {
    const auto name = core::dns_name::parse(text);
    if (!name) {
        tell("NAME: " + name.error().sentence);
        return std::nullopt;
    }
    if (name->text().empty() || core::ip_address::parse(text)) {
        tell("NAME: \"" + text + "\" is " + (name->text().empty() ? "the root" : "an address") +
             "; write the host of a node, such as crdb.internal");
        return std::nullopt;
    }
    return *name;
}

name_question question_of(const core::dns_name& name, std::size_t node, const prepared& from) {
    const auto& names = from.made.names;
    const auto found =
        std::find_if(names.begin(), names.end(), [&](const auto& one) { return one.node == node; });
    if (found != names.end()) {
        return {found->name, found->srv, found->port, found->rules};
    }
    const auto& pinned = from.made.nodes[node].endpoints;
    return {.name = name,
            .no_policy =
                "pinned at " + policy::listed(pinned) + ", so its name is never asked for"};
}

/// One for each node of that name, whose ports or rules may differ.
std::vector<name_question> questions_of(const core::dns_name& name, const prepared& from) {
    std::vector<name_question> questions;
    for (std::size_t i = 0; i < from.made.nodes.size(); ++i) {
        if (from.made.nodes[i].host.text() == name.text()) {
            questions.push_back(question_of(name, i, from));
        }
    }
    if (questions.empty()) {
        questions.push_back({.name = name, .no_policy = "not a node of this configuration"});
    }
    return questions;
}

std::vector<std::string> names_of(const net::resolver& names) {
    std::vector<std::string> servers;
    for (const auto& one : names.servers()) {
        servers.push_back(one.name);
    }
    return servers;
}

net::awaitable<void> ask(net::resolver& names, std::vector<name_question> questions,
                         std::vector<resolve_report>& reports) {
    for (auto& question : questions) {
        tell("asking " + std::to_string(names.servers().size()) + " server(s) for " +
             (question.srv ? *question.srv : question.name).text());
        auto told = co_await net::inquire_all(names, question.name, question.srv);
        reports.push_back(
            make_report(std::move(question), names_of(names), std::move(told), core::clock::now()));
    }
}

} // namespace

int resolve(const resolve_flags& flags) {
    const auto name = read_name(flags.name);
    auto from = name ? prepare(flags.config, lock_use::keep_to) : std::nullopt;
    if (!from) {
        return bad_configuration_or_usage;
    }
    if (!from->made.resolver) {
        tell(flags.config + ": resolver.servers: there is no server to ask; name one, such as "
                            "servers: [10.0.0.53]");
        return bad_configuration_or_usage;
    }
    telemetry::log log({.least = telemetry::severity::warning});
    core::event_source events({&log}, 0);
    net::asio::io_context here(1);
    net::resolver names(here.get_executor(), std::move(*from->made.resolver), events);
    std::vector<resolve_report> reports;
    run_to_end(here, ask(names, questions_of(*name, *from), reports));

    int worst = ok;
    for (const auto& report : reports) {
        std::cout << (&report == &reports.front() ? "" : "\n") << to_text(report);
        worst = std::max<int>(worst, exit_code_of(report));
    }
    return worst;
}

} // namespace roachpin::app
