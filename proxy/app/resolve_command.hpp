#pragma once

#include <string>

namespace roachpin::app {

/// The flags of `roachpin resolve`.
struct resolve_flags {
    std::string name;
    std::string config;
};

/// `roachpin resolve`: what each server says of a name and what the policy makes of it, on stdout.
/// Connects to no node. The exit code.
int resolve(const resolve_flags& flags);

} // namespace roachpin::app
