#pragma once

#include "telemetry/log_format.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// Numbers and times as people read them. Pure.
namespace roachpin::telemetry {

/// "2026-11-22 06:30:00 UTC".
std::string clock_text(wall_time when);

/// One unit is enough: "45 s", "12 min", "5 h", "89 days". Of a negative span its length.
std::string span_text(std::chrono::seconds span);

/// "in 89 days", "2 h ago".
std::string distance_text(wall_time when, wall_time now);

/// "1 connection", "12 connections".
std::string counted(std::uint64_t count, std::string_view what);

/// "0", "0.4", "31".
std::string number_text(double number);

/// "512 B", "1.2 MB": powers of 1000.
std::string bytes_text(double bytes);

} // namespace roachpin::telemetry
