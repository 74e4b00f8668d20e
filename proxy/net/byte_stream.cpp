#include "net/byte_stream.hpp"

#include "tls/library.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <poll.h>
#include <sys/socket.h>

namespace roachpin::net {
namespace {

error_code last_error() {
    return {errno, boost::system::system_category()};
}

/// What a failed recv(2) or send(2) means.
io_result failure(io_status when_not_ready) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return {when_not_ready};
    }
    return {io_status::failed, 0, last_error()};
}

template <class Call>
auto retry_when_interrupted(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR) {
        result = call();
    }
    return result;
}

int size_for_openssl(std::size_t size) {
    return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

} // namespace

byte_stream::byte_stream(stream_socket socket) : socket_(std::move(socket)) {
    socket_.native_non_blocking(true);
}

io_result byte_stream::read_some(std::span<std::uint8_t> into) {
    if (!tls_) {
        const auto got = retry_when_interrupted(
            [&] { return ::recv(fd(), into.data(), into.size(), MSG_DONTWAIT); });
        if (got > 0) {
            return {io_status::ok, static_cast<std::size_t>(got)};
        }
        return got == 0 ? io_result{io_status::closed} : failure(io_status::wants_read);
    }
    // One SSL_read gives one record: fill the buffer with those that have come already, so that
    // the other side gets them in one write.
    std::size_t filled = 0;
    do {
        tls::forget_errors();
        const auto rest = into.subspan(filled);
        const int got = SSL_read(tls_.get(), rest.data(), size_for_openssl(rest.size()));
        if (got <= 0) {
            const auto result = tls_result(got);
            // An end that follows octets is met again by the next read, for which nobody may wait:
            // whoever has said close_notify need not close the socket.
            end_unread_ = !is_blocked(result.status);
            return filled > 0 ? io_result{io_status::ok, filled} : result;
        }
        filled += static_cast<std::size_t>(got);
    } while (filled < into.size() && has_buffered());
    return {io_status::ok, filled};
}

io_result byte_stream::peek(std::uint8_t& octet) {
    const auto got =
        retry_when_interrupted([&] { return ::recv(fd(), &octet, 1, MSG_PEEK | MSG_DONTWAIT); });
    if (got > 0) {
        return {io_status::ok, 1};
    }
    return got == 0 ? io_result{io_status::closed} : failure(io_status::wants_read);
}

bool byte_stream::has_hung_up() {
    pollfd socket{fd(), POLLRDHUP, 0};
    return ::poll(&socket, 1, 0) > 0; // a signal's interruption is none of the peer's doing
}

bool byte_stream::has_unread() {
    pollfd socket{fd(), POLLIN, 0};
    return has_buffered() || ::poll(&socket, 1, 0) != 0; // in doubt, there is
}

io_result byte_stream::write_some(core::bytes_view from) {
    if (tls_) {
        tls::forget_errors();
        const int put = SSL_write(tls_.get(), from.data(), size_for_openssl(from.size()));
        return put > 0 ? io_result{io_status::ok, static_cast<std::size_t>(put)} : tls_result(put);
    }
    const auto put = retry_when_interrupted(
        [&] { return ::send(fd(), from.data(), from.size(), MSG_NOSIGNAL | MSG_DONTWAIT); });
    return put >= 0 ? io_result{io_status::ok, static_cast<std::size_t>(put)}
                    : failure(io_status::wants_write);
}

io_result byte_stream::close_sending() {
    if (tls_) {
        tls::forget_errors();
        const int status = SSL_shutdown(tls_.get());
        if (status < 0) {
            const auto result = tls_result(status);
            if (result.status == io_status::wants_write) {
                return result;
            }
        }
    }
    if (::shutdown(fd(), SHUT_WR) != 0) {
        return {io_status::failed, 0, last_error()};
    }
    return {io_status::ok};
}

bool byte_stream::has_buffered() const {
    return tls_ && (end_unread_ || SSL_has_pending(tls_.get()) == 1);
}

awaitable<std::tuple<error_code>> byte_stream::wait(io_status status) {
    if (resting_) {
        const asio::generic::stream_protocol any(AF_UNSPEC, 0); // it matters to open(2) alone
        socket_.assign(any, resting_.number());
        resting_.release();
    }
    const auto what =
        status == io_status::wants_write ? stream_socket::wait_write : stream_socket::wait_read;
    return socket_.async_wait(what, as_result);
}

void byte_stream::cancel() {
    error_code ignored;
    socket_.cancel(ignored);
}

int byte_stream::leave_reactor() {
    if (!resting_) {
        resting_ = descriptor(socket_.release());
    }
    return resting_.number();
}

void byte_stream::move_to(executor where) {
    leave_reactor();
    socket_ = stream_socket(where);
}

io_result byte_stream::tls_result(int status) {
    switch (SSL_get_error(tls_.get(), status)) {
    case SSL_ERROR_WANT_READ:
        return {io_status::wants_read};
    case SSL_ERROR_WANT_WRITE:
        return {io_status::wants_write};
    case SSL_ERROR_ZERO_RETURN:
        return {io_status::closed};
    case SSL_ERROR_SYSCALL:
        return {io_status::failed, 0, last_error()};
    default:
        break;
    }
    const auto cause = ERR_peek_error();
    ERR_clear_error();
    if (ERR_GET_REASON(cause) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return {io_status::truncated};
    }
    return {io_status::failed, 0, tls::to_error_code(cause)};
}

} // namespace roachpin::net
