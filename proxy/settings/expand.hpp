#pragma once

#include "core/error.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace roachpin::settings {

/// The value of an environment variable, empty where it is not set. A parameter, so that parsing
/// reads nothing but what it is given.
using environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The process's own. Reads `getenv`: not while another thread changes the environment.
environment process_environment();

/// `text` with every `${NAME}` and `${NAME:-default}` replaced; the default also stands in for an
/// empty variable, as in a shell. What was put in is not expanded again, and a `$` without a brace
/// is itself. An unset name without a default is an error.
core::result<std::string> expand(std::string_view text, const environment& variables);

} // namespace roachpin::settings
