#pragma once

#include "core/error.hpp"

#include <string>

namespace roachpin::app {

/// What /status says (telemetry/status_json.hpp), as text for people. `colour`: with terminal
/// escapes. A sentence where `json` is no status of a roachpin. Pure; whatever is in `json`, the
/// text is printable.
core::result<std::string> status_text(const std::string& json, bool colour);

} // namespace roachpin::app
