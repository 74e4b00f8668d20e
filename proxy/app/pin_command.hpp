#pragma once

#include <string>

namespace roachpin::app {

/// The flags of `roachpin pin`; at most one of `verify` and `update` is set.
struct pin_flags {
    std::string config;
    bool verify = false; ///< compare, write nothing
    bool update = false; ///< compare, and write in any case
};

/// `roachpin pin`: looks at every node and writes roachpin.lock (lock.file), or compares what is
/// there with it; the differences are on stdout. Writes nothing where anything could not be seen.
/// The exit code.
int pin(const pin_flags& flags);

} // namespace roachpin::app
