#pragma once

#include <optional>
#include <string>

namespace roachpin::app {

struct check_flags {
    std::string config;
    std::string format = "text";
    std::optional<std::string> output{}; ///< a file in place of stdout
    std::string fail_on = "high";
    std::optional<std::string> baseline{}; ///< an earlier report, JSON
    bool offline = false;
};

/// `roachpin check`: every stage, every node, every address. Returns the exit code.
int check(const check_flags& flags);

} // namespace roachpin::app
