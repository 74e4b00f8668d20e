#pragma once

#include "core/time.hpp"

namespace roachpin::net {

/// TCP keepalive and the time unacknowledged data may stay out (tcp(7)).
struct keepalive_options {
    core::duration idle = std::chrono::seconds(30);     ///< whole seconds
    core::duration interval = std::chrono::seconds(10); ///< whole seconds
    int count = 3;
    /// Zero: the system's own; otherwise at least `idle` + `interval` × `count` is set.
    core::duration user_timeout = std::chrono::seconds(30);
};

/// Sets TCP_NODELAY (both sides already batch) and keepalive on a TCP socket. A socket the peer has
/// reset in the meantime is let be: the next read says so.
void set_tcp_options(int fd, const keepalive_options& options);

} // namespace roachpin::net
