#pragma once

#include <optional>
#include <string>

namespace roachpin::app {

/// The flags of `roachpin run`; those set override the file.
struct run_flags {
    std::string config;
    std::optional<std::string> listen;
    std::optional<std::string> admin;
    std::optional<std::string> log_level;
    std::optional<std::string> log_format;
};

/// `roachpin run`: serves until it is told to stop. The exit code.
int run(const run_flags& flags);

} // namespace roachpin::app
