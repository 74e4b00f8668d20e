#pragma once

#include "core/bytes.hpp"
#include "net/asio.hpp"
#include "net/descriptor.hpp"
#include "tls/handles.hpp"

#include <span>
#include <tuple>

namespace roachpin::net {

enum class io_status {
    ok,          ///< `size` octets were moved, at least one
    wants_read,  ///< wait until the socket is readable, then try again
    wants_write, ///< wait until the socket is writable, then try again
    closed,      ///< the peer ended its sending as it should: FIN, or close_notify inside TLS
    truncated,   ///< FIN inside TLS without close_notify: what came may not be all
    failed,      ///< `cause` says why
};

/// Whether it is worth waiting and trying again.
inline bool is_blocked(io_status status) {
    return status == io_status::wants_read || status == io_status::wants_write;
}

struct io_result {
    io_status status = io_status::failed;
    std::size_t size = 0;
    error_code cause{};
};

/// A connected socket, in clear or inside TLS. Nothing here blocks and nothing here waits except
/// `wait`. OpenSSL reads and writes the socket's own descriptor: no copy through BIO pairs.
///
/// For one thread at a time. Reading and writing may interleave.
class byte_stream {
public:
    /// Makes the socket non-blocking.
    explicit byte_stream(stream_socket socket);

    /// From now on everything goes through `tls`, which was made for `fd()` and has shaken hands.
    void use_tls(tls::ssl_ptr tls) { tls_ = std::move(tls); }

    bool encrypted() const { return tls_ != nullptr; }

    /// Null in clear.
    const SSL* tls() const { return tls_.get(); }

    /// Reads what is there, as much as fits.
    io_result read_some(std::span<std::uint8_t> into);

    /// The next octet in clear without taking it.
    io_result peek(std::uint8_t& octet);

    /// Whether the peer has ended its sending, or the connection is broken.
    bool has_hung_up();

    /// Writes what the socket takes. After a `wants_…` the same octets (at any address) must be
    /// offered again.
    io_result write_some(core::bytes_view from);

    /// Ends our sending: close_notify inside TLS, then FIN. May want to be tried again.
    io_result close_sending();

    /// Whether TLS holds octets, or an end, that came and were not read: the socket will not become
    /// readable for them.
    bool has_buffered() const;

    /// Whether anything of the peer waits to be read: octets, its end, an error.
    bool has_unread();

    /// Waits until the socket is ready for what `status` (one of `wants_…`) asked. Throws
    /// boost::system::system_error where the reactor cannot take the socket back.
    awaitable<std::tuple<error_code>> wait(io_status status);

    /// Ends every wait with operation_aborted.
    void cancel();

    /// Takes the socket out of Asio's reactor, which would be woken by each of its octets: a
    /// `poller` watches it from now on, until the next `wait`. Returns `fd()`.
    int leave_reactor();

    /// Belongs to `where`'s event loop from now on: the next `wait` is on it. Nothing may be
    /// waiting. Where the socket has left its reactor before, any thread may do this; otherwise the
    /// one it belonged to. TLS goes on as it is, on the same descriptor.
    void move_to(executor where);

    int fd() { return socket_.is_open() ? socket_.native_handle() : resting_.number(); }

    executor where() { return socket_.get_executor(); }

private:
    io_result tls_result(int status);

    stream_socket socket_;
    descriptor resting_; ///< the socket, while `socket_` is closed: outside the reactor
    tls::ssl_ptr tls_;
    bool end_unread_ = false; ///< inside TLS
};

} // namespace roachpin::net
