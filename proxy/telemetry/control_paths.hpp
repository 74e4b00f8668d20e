#pragma once

#include "telemetry/http.hpp"

#include <functional>
#include <map>
#include <string>

namespace roachpin::telemetry {

/// What POST to a path does: see `http_handler`.
using control_handler = std::function<http_answer()>;

/// POST to the paths of `handlers`, and nothing else.
http_handler control_paths(std::map<std::string, control_handler> handlers);

} // namespace roachpin::telemetry
