#pragma once

#include "policy/answer_rules.hpp"

#include <optional>
#include <vector>

/// The rules that look at one address at a time: a part of `refuse_answer`.
namespace roachpin::policy {

/// The first rule that one of `endpoints` breaks: class, network, allow, deny, own listener. Rule
/// by rule over all of them, so that the order of the records does not choose the reason.
std::optional<answer_refusal> refuse_endpoints(const std::vector<core::endpoint>& endpoints,
                                               const answer_rules& rules);

} // namespace roachpin::policy
