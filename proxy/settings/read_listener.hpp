#pragma once

#include "settings/mapping.hpp"
#include "settings/placed.hpp"

#include <filesystem>
#include <optional>

namespace roachpin::settings {

/// One entry of `listeners`. Empty only where its bind is unknown. Where a problem was reported,
/// the value may hold placeholders: it must not be used.
std::optional<placed_listener> read_listener(mapping& in, const std::filesystem::path& base);

} // namespace roachpin::settings
