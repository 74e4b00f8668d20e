#pragma once

#include <string>

namespace roachpin::app {

struct status_flags {
    std::string admin = "127.0.0.1:9257"; ///< admin.bind of the running one
    std::string format = "text";          ///< or json
    bool watch = false;                   ///< again and again, until SIGINT or SIGTERM
};

/// `roachpin status`: what a running roachpin says of itself. The exit code: `ok` where it
/// answered, whatever it said; `failed` where it did not, or what answered is no roachpin;
/// `bad_configuration_or_usage`.
int status(const status_flags& flags);

} // namespace roachpin::app
