#pragma once

#include "policy/pin_policy.hpp"
#include "unit/policy/answers.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace roachpin::answers {

using namespace std::chrono_literals;

inline policy::observation says(std::size_t server, const texts& addresses,
                                core::duration ttl = 30s) {
    return {server, policy::named_answer{.endpoints = all_at(addresses), .ttl = ttl}};
}

inline policy::observation silent(std::size_t server,
                                  policy::silence_kind kind = policy::silence_kind::unreachable,
                                  core::duration ttl = 0s) {
    return {server, policy::silence{.kind = kind, .sentence = "no answer", .ttl = ttl}};
}

/// A host over time. `after` and `again` tell what a round of answers leads to.
struct story {
    policy::pin_rules rules;
    policy::proof_record proofs;
    policy::pin_state state;
    core::time_point now = core::time_point{} + 1000h;

    explicit story(std::size_t agreement = 1) {
        rules.agreement = agreement;
        rules.answers.allow = networks({"10.1.0.0/16"});
        rules.answers.cname_allow = names({"crdb.internal"});
    }

    /// These hold now, and did once.
    void prove(const texts& addresses) {
        proofs.now = all_at(addresses);
        proofs.ever.insert(proofs.ever.end(), proofs.now.begin(), proofs.now.end());
    }

    policy::decision after(core::duration passed, const std::vector<policy::observation>& said) {
        now += passed;
        auto made = policy::decide(state, said, rules, now, proofs);
        state = made.next;
        return made;
    }

    /// The same answers in several rounds; the last decision.
    policy::decision again(int times, core::duration passed,
                           const std::vector<policy::observation>& said) {
        auto made = after(passed, said);
        for (int i = 1; i < times; ++i) {
            made = after(passed, said);
        }
        return made;
    }

    texts usable(core::duration passed, const std::vector<policy::observation>& said) {
        return written(after(passed, said).usable);
    }
};

} // namespace roachpin::answers
