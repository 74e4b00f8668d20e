#include "app/status_report.hpp"

#include "core/printable.hpp"
#include "policy/listed.hpp"

#include <algorithm>
#include <utility>

namespace roachpin::app {
namespace {

using telemetry::node_report;
using telemetry::place_report;

template <class Values>
void add_rule(std::vector<std::string>& rules, const std::string& key, const Values& values) {
    if (!values.empty()) {
        rules.push_back(key + ": " + policy::listed(values));
    }
}

std::vector<std::string> rules_of(const settings::node& node) {
    std::vector<std::string> rules;
    if (const auto* pinned = std::get_if<settings::pinned>(&node.found)) {
        add_rule(rules, "addresses", pinned->addresses);
        return rules;
    }
    const auto& by_name = std::get<settings::resolved>(node.found);
    add_rule(rules, "allow", by_name.allow);
    add_rule(rules, "deny", by_name.deny);
    add_rule(rules, "cname_allow", by_name.cname_allow);
    return rules;
}

/// What let an address in. The answers' policy has seen to it that something did.
std::string rule_for(const settings::node& node, const core::ip_address& address) {
    const auto* by_name = std::get_if<settings::resolved>(&node.found);
    if (by_name == nullptr) {
        return "pinned";
    }
    const auto found =
        std::find_if(by_name->allow.begin(), by_name->allow.end(),
                     [&](const core::cidr& network) { return network.contains(address); });
    return found == by_name->allow.end() ? "" : "allow: " + found->to_string();
}

telemetry::proof_status proof_of(const net::standing::proof& from, const moment& when) {
    return {when.at(from.at),     from.facts.subject,     from.facts.issuer,
            from.facts.not_after, from.facts.tls_version, from.facts.leaf_key.to_base64()};
}

place_report report_place(const settings::node& node, const net::standing::place& from,
                          const node_counts& counts, const moment& when) {
    const auto& what = from.what;
    place_report made{.address = what.at.where.to_string(),
                      .state = std::string(policy::to_string(what.state)),
                      .reason = what.last.reason,
                      .why = core::printable(what.last.sentence, 1024),
                      .allowed_by = rule_for(node, what.at.where.address),
                      .usable = what.usable,
                      .connections = what.sessions,
                      .spares = counts.spares(node.host, what.at.where)};
    if (from.last_proof) {
        made.proof = proof_of(*from.last_proof, when);
    }
    return made;
}

telemetry::name_report report_name(const net::standing::name& from, const moment& when) {
    telemetry::name_report made{.asked = from.asked.text(), .stale = from.stale};
    if (from.last_good) {
        made.last_success = when.at(*from.last_good);
    }
    for (const auto& server : from.servers) {
        telemetry::server_answer said{.server = server.name, .clean = !server.trouble};
        if (const auto& trouble = server.trouble) {
            said.refused = trouble->refused;
            said.reason = trouble->reason;
            said.finding = trouble->finding;
            said.sentence = trouble->sentence;
        }
        made.servers.push_back(std::move(said));
    }
    made.dissent = from.dissent;
    made.waiting_for_agreement = from.waiting;
    for (const auto& one : from.outside_lock) {
        made.outside_lock.push_back(one.to_string());
    }
    return made;
}

} // namespace

std::vector<node_report> report_nodes(const settings::cluster& configured, const net::standing& now,
                                      const node_counts& counts, const moment& when) {
    std::vector<node_report> all;
    all.reserve(configured.nodes.size());
    for (const auto& node : configured.nodes) {
        node_report made{.host = node.host.text(), .tier = node.tier, .rules = rules_of(node)};
        const auto passed = counts.passed.find(made.host);
        if (passed != counts.passed.end()) {
            made.bytes_to_node = passed->second.to_node;
            made.bytes_to_client = passed->second.to_client;
        }
        all.push_back(std::move(made));
    }
    for (const auto& place : now.places) {
        const auto index = place.what.at.node;
        all[index].places.push_back(report_place(configured.nodes[index], place, counts, when));
    }
    for (const auto& name : now.names) {
        all[name.node].name = report_name(name, when);
    }
    return all;
}

std::vector<telemetry::certificate_status>
report_certificates(const std::vector<dated_certificate>& from) {
    std::vector<telemetry::certificate_status> all;
    all.reserve(from.size());
    for (const auto& one : from) {
        all.push_back({one.what, one.subject, one.not_after});
    }
    return all;
}

/// A pinned address may be used before it has proved anything, and yet nobody knows.
usability usability_of(const std::vector<node_report>& nodes) {
    const auto holds = [](const place_report& place) {
        return place.usable && place.proof.has_value();
    };
    usability seen{false, !nodes.empty()};
    for (const auto& node : nodes) {
        const auto& places = node.places;
        seen.anywhere = seen.anywhere || std::any_of(places.begin(), places.end(), holds);
        seen.everywhere =
            seen.everywhere && !places.empty() && std::all_of(places.begin(), places.end(), holds);
    }
    return seen;
}

} // namespace roachpin::app
