#pragma once

#include "policy/address_book.hpp"

#include <optional>
#include <vector>

namespace roachpin::policy {

/// Whether the servers of one round contradict each other: two of them have no address in common,
/// or `agreement` is more than one and an address is named by too few of those that answer. To be
/// asked with the state that this round has led to. One server alone contradicts nobody.
std::optional<disagreement> find_disagreement(const std::vector<clean_answer>& clean,
                                              const pin_state& state, const pin_rules& rules);

} // namespace roachpin::policy
