#pragma once

#include "core/error.hpp"

#include <cstddef>

namespace roachpin::app {

/// What will hold file descriptors.
struct descriptor_needs {
    std::size_t max_connections = 0; ///< limits.max_connections
    std::size_t max_opening = 0;     ///< limits.max_opening
    std::size_t spares = 0;          ///< connections kept ready, to all nodes and of all workers
    std::size_t listeners = 0;
    std::size_t workers = 0;
    bool passthrough = false; ///< connections may be spliced by the kernel, through pipes
};

/// How many descriptors the process may hold at once when everything is taken.
std::size_t needed_descriptors(const descriptor_needs& needs);

/// The largest limits.max_connections that `limit` descriptors suffice for, the other needs being
/// as they are; 0 where not even the rest fits.
std::size_t most_connections(const descriptor_needs& needs, std::size_t limit);

/// Raises the soft limit of open files (RLIMIT_NOFILE) to the hard one. The error where the hard
/// one is too low, too: a proxy that runs out in the middle of a day refuses whom it promised to
/// serve. To be called once, at start-up.
core::result<void> make_room(const descriptor_needs& needs);

} // namespace roachpin::app
