#include "net/dns_over_tls.hpp"

#include "net/deadline.hpp"
#include "net/dial.hpp"
#include "net/write_all.hpp"

#include <algorithm>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace roachpin::net {
namespace {

constexpr std::size_t length_size = 2; // RFC 1035 section 4.2.2

/// In one buffer with its length: two writes would wait for each other (Nagle, delayed ACK).
core::bytes with_length(const core::bytes& message) {
    core::bytes framed(length_size + message.size());
    framed[0] = static_cast<std::uint8_t>(message.size() >> 8U);
    framed[1] = static_cast<std::uint8_t>(message.size());
    std::copy(message.begin(), message.end(), framed.begin() + length_size);
    return framed;
}

/// How much of the reply is missing, its length first.
std::size_t missing(const core::bytes& received) {
    if (received.size() < length_size) {
        return length_size - received.size();
    }
    const std::size_t length = std::size_t{received[0]} << 8U | received[1];
    return length_size + length - received.size();
}

/// Nothing where the server ended before its reply was whole.
awaitable<std::optional<core::bytes>> read_reply(byte_stream& server) {
    core::bytes received;
    while (const auto rest = missing(received)) {
        const auto before = received.size();
        received.resize(before + rest);
        const auto got = server.read_some(std::span(received).subspan(before));
        received.resize(before + got.size);
        if (is_blocked(got.status)) {
            const auto [failed] = co_await server.wait(got.status);
            if (failed) {
                co_return std::nullopt;
            }
        } else if (got.status != io_status::ok) {
            co_return std::nullopt;
        }
    }
    received.erase(received.begin(), received.begin() + length_size);
    co_return received;
}

awaitable<std::optional<core::bytes>> exchange(byte_stream& server, core::bytes message) {
    const int on = 1; // the reply is waited for: acknowledge at once what lets it go
    ::setsockopt(server.fd(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
    const auto framed = with_length(message);
    const bool written = co_await write_all(server, framed);
    if (!written) {
        co_return std::nullopt;
    }
    co_return co_await read_reply(server);
}

} // namespace

awaitable<dns_carried> carry_over_tls(core::endpoint server, core::host_name name,
                                      const tls::upstream_context& roots, core::bytes message,
                                      core::duration timeout) {
    const auto deadline = core::clock::now() + timeout;
    policy::candidate to{std::make_shared<const policy::node>(policy::node{std::move(name)}),
                         server};
    auto dialled = co_await dial(std::move(to), roots, {}, deadline, before_tls::nothing);
    if (!dialled) {
        co_return dns_silence{std::string(to_string(dialled.error().phase)) + ", " +
                              dialled.error().reason + ": " + dialled.error().detail};
    }
    auto reply = co_await with_deadline(exchange(dialled->bytes(), std::move(message)), deadline);
    if (!reply) {
        co_return dns_silence{"no answer within resolver.timeout"};
    }
    if (!*reply) {
        co_return dns_silence{"the server closed the connection without a whole answer"};
    }
    co_return std::move(**reply);
}

} // namespace roachpin::net
