#pragma once

#include "telemetry/status.hpp"

#include <string>

namespace roachpin::telemetry {

/// The status as GET /status gives it: one JSON object, always with the same keys in the same
/// order. `format` is 1 until a key changes its meaning or goes; keys may be added. Times are ISO
/// 8601 in UTC, what is not there is null. `history` is not in it: `rates` are, per second, over
/// the last of its intervals. Pure.
std::string to_json(const status& of);

} // namespace roachpin::telemetry
