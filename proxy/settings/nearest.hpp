#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roachpin::settings {

/// The candidate that `word` is most likely a slip of: at most two letters added, lost or changed,
/// and fewer than half of them. Empty where none is that near.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

} // namespace roachpin::settings
