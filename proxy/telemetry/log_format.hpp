#pragma once

#include "telemetry/event_line.hpp"

#include <chrono>
#include <string>

/// An event as one line of text, without the line's end. Pure.
namespace roachpin::telemetry {

using wall_time = std::chrono::system_clock::time_point;

std::string_view to_string(severity level);

/// `2026-11-22T06:30:00.123Z`.
std::string timestamp(wall_time when);

/// `2026-11-22T06:30:00.123Z info session_ended id=… reason=client_closed …`: values with blanks or
/// quotes are quoted.
std::string to_text(wall_time when, core::event_id id, const event_line& line);

/// `{"time":"…","level":"info","event":"session_ended","id":"…",…}`.
std::string to_json(wall_time when, core::event_id id, const event_line& line);

} // namespace roachpin::telemetry
