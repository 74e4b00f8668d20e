#pragma once

#include <cstdint>

namespace roachpin::policy {

/// Which of the usable nodes of a tier a new session is taken to first.
enum class balance : std::uint8_t {
    least_connections, ///< the one with the fewest sessions of this process
    round_robin,       ///< one after the other
    random,
};

} // namespace roachpin::policy
