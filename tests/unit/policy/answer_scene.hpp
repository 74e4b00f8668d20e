#pragma once

#include "unit/policy/answers.hpp"

#include <string>

namespace roachpin::answers {

/// A clean answer, and rules that all have something to say of it.
struct scene {
    policy::named_answer said{.chain = names({"db.crdb.internal"}),
                              .targets = names({"n1.crdb.internal"}),
                              .endpoints = all_at({"10.1.0.1", "10.1.0.2", "fd00:1::1"})};
    policy::answer_rules rules{
        .cname_allow = names({"crdb.internal"}),
        .allow = networks({"10.1.0.0/16", "fd00:1::/64"}),
        .deny = networks({"10.1.9.0/24"}),
        .network = policy::network_class::private_only,
        .own = all_at({"127.0.0.1"}),
        .max_addresses = 4,
        .lock = policy::locked_host{names({"db.crdb.internal"}),
                                    addresses({"10.1.0.1", "10.1.0.2", "fd00:1::1"})},
        .enforce_locked_addresses = true};

    void name(const std::string& text) { said.endpoints.push_back(at(text)); }

    /// As rules without lock, deny and network: what is left is class and allow.
    void allow_only(const texts& networks_allowed) {
        rules = {.cname_allow = rules.cname_allow, .allow = networks(networks_allowed)};
    }
};

/// "label: sentence", or nothing where the answer is clean.
inline std::string verdict(const scene& one) {
    const auto refused = policy::refuse_answer(one.said, one.rules);
    return refused ? std::string(to_string(refused->fault)) + ": " + refused->sentence : "";
}

} // namespace roachpin::answers
