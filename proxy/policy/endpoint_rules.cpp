#include "policy/endpoint_rules.hpp"

#include "policy/listed.hpp"

#include <algorithm>

namespace roachpin::policy {
namespace {

using refusal = std::optional<answer_refusal>;

bool contains(const std::vector<core::cidr>& networks, const core::ip_address& address) {
    return std::any_of(networks.begin(), networks.end(),
                       [&](const auto& network) { return network.contains(address); });
}

/// Loopback is for who asked for it: a network of `allow` that holds nothing else. Without host
/// bits the first address of a network is in loopback only where the network is wholly.
bool is_allowed_loopback(const core::ip_address& address, const answer_rules& rules) {
    return std::any_of(rules.allow.begin(), rules.allow.end(), [&](const core::cidr& network) {
        return network.network().is_loopback() && network.contains(address);
    });
}

refusal refuse_class(const core::endpoint& where, const answer_rules& rules) {
    const auto kind = classify(where.address);
    if (kind == address_class::private_use || kind == address_class::public_use) {
        return std::nullopt;
    }
    const auto seen = where.address.to_string() + " (" + std::string(to_string(kind)) + ")";
    if (kind != address_class::loopback) {
        return answer_refusal{answer_fault::address_class,
                              seen + " is no address of a node, whatever allow says; correct the "
                                     "record"};
    }
    if (is_allowed_loopback(where.address, rules)) {
        return std::nullopt;
    }
    return answer_refusal{answer_fault::address_class,
                          seen + " needs a loopback network around it in allow (" +
                              listed(rules.allow) + "); correct the record"};
}

refusal refuse_network(const core::endpoint& where, const answer_rules& rules) {
    const bool is_public = classify(where.address) == address_class::public_use;
    if (rules.network == network_class::any ||
        is_public == (rules.network == network_class::public_only)) {
        return std::nullopt;
    }
    return answer_refusal{
        answer_fault::network,
        where.address.to_string() +
            (is_public ? " is a public address, and network is private"
                       : " is not a public address, and network is public") +
            "; correct the record, or ask a server that sees the right side of the zone"};
}

refusal refuse_outside_allow(const core::endpoint& where, const answer_rules& rules) {
    if (contains(rules.allow, where.address)) {
        return std::nullopt;
    }
    return answer_refusal{answer_fault::not_allowed,
                          where.address.to_string() + " is outside allow (" + listed(rules.allow) +
                              "); correct the record, or add it to allow after review"};
}

refusal refuse_inside_deny(const core::endpoint& where, const answer_rules& rules) {
    if (!contains(rules.deny, where.address)) {
        return std::nullopt;
    }
    return answer_refusal{answer_fault::denied,
                          where.address.to_string() + " is inside deny (" + listed(rules.deny) +
                              "); correct the record, or take it out of deny after review"};
}

/// A listener bound to every address is reached over loopback too; [::] takes IPv4 as well.
bool reaches(const core::endpoint& where, const core::endpoint& listener) {
    if (where.port != listener.port) {
        return false;
    }
    return where.address == listener.address ||
           (listener.address.is_unspecified() && where.address.is_loopback() &&
            (where.address.is_v4() || !listener.address.is_v4()));
}

refusal refuse_own_listener(const core::endpoint& where, const answer_rules& rules) {
    if (std::none_of(rules.own.begin(), rules.own.end(),
                     [&](const auto& listener) { return reaches(where, listener); })) {
        return std::nullopt;
    }
    return answer_refusal{answer_fault::own_listener,
                          where.to_string() + " is roachpin's own listener (" + listed(rules.own) +
                              "), which would connect to itself; correct the record or a port"};
}

constexpr refusal (*endpoint_rules[])(const core::endpoint&, const answer_rules&) = {
    refuse_class, refuse_network, refuse_outside_allow, refuse_inside_deny, refuse_own_listener,
};

} // namespace

refusal refuse_endpoints(const std::vector<core::endpoint>& endpoints, const answer_rules& rules) {
    for (const auto rule : endpoint_rules) {
        for (const auto& where : endpoints) {
            if (auto refused = rule(where, rules)) {
                return refused;
            }
        }
    }
    return std::nullopt;
}

} // namespace roachpin::policy
