#pragma once

#include "core/endpoint.hpp"
#include "net/descriptor.hpp"

#include <optional>
#include <sys/types.h>

namespace roachpin::net {

/// A socket that listens. A unix socket's file is removed with it, but for an inherited one's.
class listening_socket {
public:
    /// Binds and listens, non-blocking. TCP: SO_REUSEADDR, v6 only on v6, and `shared`
    /// (SO_REUSEPORT): another roachpin of the same user may listen there too, and the kernel
    /// shares new connections out among them. Port 0 gives a port that nobody has. Unix: a stale
    /// socket file is replaced, one with a listener behind it is not; `unix_mode` is in force
    /// before anybody can connect.
    static core::result<listening_socket> open(const core::bind_address& where, mode_t unix_mode,
                                               bool shared = true);

    /// A socket that whoever started this process listens on and has handed down (socket
    /// activation, sd_listen_fds(3)). Theirs is the place, the mode of a unix socket, and whoever
    /// waits there when this process stops accepting: the next one finds them. An error where it
    /// is not a listening TCP or unix stream socket.
    static core::result<listening_socket> inherit(descriptor socket);

    /// Another descriptor of the same inherited socket.
    core::result<listening_socket> share() const;

    listening_socket(listening_socket&&) = default;
    listening_socket& operator=(listening_socket&&) = delete;
    ~listening_socket();

    int fd() const { return socket_.number(); }

    bool is_inherited() const { return inherited_; }

    /// Why the mode cannot be this one; nothing where it can, and always on TCP.
    std::optional<core::error> refuse_mode(mode_t unix_mode) const;

    /// Of a unix socket: who may connect from now on. Nothing on TCP, and on an inherited one.
    void set_mode(mode_t unix_mode) const;

    /// What was bound, with the port the system chose where 0 was asked for.
    const core::bind_address& bound() const { return bound_; }

private:
    listening_socket(descriptor socket, core::bind_address bound, bool inherited = false)
        : socket_(std::move(socket)), bound_(std::move(bound)), inherited_(inherited) {}

    descriptor socket_;
    core::bind_address bound_;
    bool inherited_;
};

} // namespace roachpin::net
