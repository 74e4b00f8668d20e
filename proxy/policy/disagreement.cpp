#include "policy/disagreement.hpp"

#include "policy/listed.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace roachpin::policy {
namespace {

using endpoint_set = std::set<core::endpoint>;

std::vector<endpoint_set> sets_of(const std::vector<clean_answer>& clean) {
    std::vector<endpoint_set> sets;
    sets.reserve(clean.size());
    for (const auto& [server, said, on_v4, on_v6] : clean) {
        sets.emplace_back(said->endpoints.begin(), said->endpoints.end());
    }
    return sets;
}

bool is_disjoint(const endpoint_set& a, const endpoint_set& b) {
    return std::none_of(a.begin(), a.end(), [&](const auto& where) { return b.contains(where); });
}

bool are_two_disjoint(const std::vector<endpoint_set>& sets) {
    for (auto a = sets.begin(); a != sets.end(); ++a) {
        if (std::any_of(a + 1, sets.end(), [&](const auto& b) { return is_disjoint(*a, b); })) {
            return true;
        }
    }
    return false;
}

/// No more votes can be asked for than there are answers: a silent server is no dissenter.
bool has_too_few_votes(const endpoint_set& named, std::size_t answers, const pin_state& state,
                       const pin_rules& rules) {
    const auto due = std::min(needed_votes(rules), answers);
    return std::any_of(named.begin(), named.end(), [&](const auto& where) {
        const auto known = state.addresses.find(where);
        return known == state.addresses.end() || known->second.named.size() < due;
    });
}

std::vector<std::size_t> find_dissenters(const std::vector<clean_answer>& clean,
                                         const std::vector<endpoint_set>& sets) {
    std::map<endpoint_set, std::size_t> times;
    for (const auto& set : sets) {
        ++times[set];
    }
    std::size_t most = 0;
    for (const auto& [set, count] : times) {
        most = std::max(most, count);
    }
    const bool is_one_most_common = std::count_if(times.begin(), times.end(), [&](const auto& one) {
                                        return one.second == most;
                                    }) == 1;
    std::vector<std::size_t> dissenters;
    for (std::size_t i = 0; i < sets.size(); ++i) {
        if (!is_one_most_common || times[sets[i]] != most) {
            dissenters.push_back(clean[i].server);
        }
    }
    return dissenters;
}

std::string describe(const std::vector<clean_answer>& clean) {
    std::string text = "the servers differ: ";
    for (const auto& [server, said, on_v4, on_v6] : clean) {
        text += "resolver.servers[" + std::to_string(server) + "] names " +
                listed(said->endpoints) + "; ";
    }
    return text + "find the one that is stale, poisoned, or on another side of the zone";
}

} // namespace

std::optional<disagreement> find_disagreement(const std::vector<clean_answer>& clean,
                                              const pin_state& state, const pin_rules& rules) {
    const auto sets = sets_of(clean);
    if (sets.size() < 2) {
        return std::nullopt;
    }
    const bool too_few = std::any_of(sets.begin(), sets.end(), [&](const auto& named) {
        return has_too_few_votes(named, sets.size(), state, rules);
    });
    if (!too_few && !are_two_disjoint(sets)) {
        return std::nullopt;
    }
    return disagreement{find_dissenters(clean, sets), describe(clean)};
}

} // namespace roachpin::policy
