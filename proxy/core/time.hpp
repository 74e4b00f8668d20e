#pragma once

#include <chrono>

namespace roachpin::core {

/// Deadlines and ages are measured on the steady clock: a jump of the wall clock moves nothing.
using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using duration = std::chrono::milliseconds;

} // namespace roachpin::core
