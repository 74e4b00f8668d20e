#pragma once

#include "core/endpoint.hpp"
#include "net/descriptor.hpp"

#include <string>
#include <sys/types.h>

namespace roachpin::net {

/// A socket that listens. A unix socket's file is removed with it.
class listening_socket {
public:
    /// Binds and listens, non-blocking. TCP: SO_REUSEADDR, v6 only on v6, and SO_REUSEPORT: another
    /// roachpin of the same user may listen there too, and the kernel shares new connections out
    /// among them. Port 0 gives a port that nobody has. Unix: a stale socket file is replaced, one
    /// with a listener behind it is not; `unix_mode` is in force before anybody can connect.
    static core::result<listening_socket> open(const core::bind_address& where, mode_t unix_mode);

    listening_socket(listening_socket&&) = default;
    listening_socket& operator=(listening_socket&&) = delete;
    ~listening_socket();

    int fd() const { return socket_.number(); }

    /// Of a unix socket: who may connect from now on. Nothing on TCP.
    void set_mode(mode_t unix_mode) const;

    /// What was bound, with the port the system chose where 0 was asked for.
    const core::bind_address& bound() const { return bound_; }

private:
    listening_socket(descriptor socket, core::bind_address bound)
        : socket_(std::move(socket)), bound_(std::move(bound)) {}

    descriptor socket_;
    core::bind_address bound_;
};

} // namespace roachpin::net
