#include "net/open_client.hpp"

#include <array>

namespace roachpin::net {
namespace {

namespace opening = pgwire::opening;

constexpr std::array<std::uint8_t, 1> no{'N'};
constexpr std::array<std::uint8_t, 1> yes{'S'};

/// A socket's first octets always fit its send buffer.
bool answer(byte_stream& client, core::bytes_view octet) {
    return client.write_some(octet).status == io_status::ok;
}

using heard = std::variant<pgwire::opening_step, client_gone>;

/// Feeds the machine what comes next. The first octet is only peeked at: where it begins a TLS
/// record, OpenSSL must find it on the socket.
awaitable<heard> hear(byte_stream& client, std::span<std::uint8_t> scratch,
                      pgwire::client_opening& machine) {
    const auto room = scratch.first(std::min(scratch.size(), pgwire::max_first_packet));
    while (true) {
        std::uint8_t first = 0;
        auto got = machine.heard_anything() || client.encrypted() ? io_result{io_status::ok}
                                                                  : client.peek(first);
        if (got.status == io_status::ok && first == pgwire::tls_handshake_record) {
            co_return machine.feed({&first, 1});
        }
        if (got.status == io_status::ok) {
            got = client.read_some(room);
        }
        if (got.status == io_status::ok) {
            co_return machine.feed(room.first(got.size));
        }
        if (!is_blocked(got.status)) {
            co_return client_gone{machine.heard_anything(), "the client closed during its opening"};
        }
        const auto [failed] = co_await client.wait(got.status);
        if (failed) {
            co_return client_gone{machine.heard_anything(), failed.message()};
        }
    }
}

using handshake_result = std::variant<tls::client_tls, client_gone>;

awaitable<handshake_result> shake_hands(byte_stream& client, const tls::local_context& context) {
    tls::local_handshake handshake(context, client.fd());
    while (true) {
        auto now = handshake.advance();
        if (auto* done = std::get_if<tls::client_tls>(&now)) {
            co_return std::move(*done);
        }
        if (const auto* failed = std::get_if<tls::local_handshake_failed>(&now)) {
            co_return client_gone{true, failed->sentence};
        }
        const bool writing = std::holds_alternative<tls::local_wants_write>(now);
        const auto [failed] =
            co_await client.wait(writing ? io_status::wants_write : io_status::wants_read);
        if (failed) {
            co_return client_gone{true, failed.message()};
        }
    }
}

/// `tls` is there where `mode` is tls.
awaitable<client_wish> drive(byte_stream& client, pgwire::opening_mode mode,
                             const tls::local_context* tls, std::span<std::uint8_t> scratch,
                             opening_progress& progress) {
    pgwire::client_opening machine(mode);
    pgwire::opening_step step = opening::read{};
    while (true) {
        if (std::holds_alternative<opening::read>(step)) {
            auto next = co_await hear(client, scratch, machine);
            if (auto* gone = std::get_if<client_gone>(&next)) {
                co_return std::move(*gone);
            }
            step = std::move(std::get<pgwire::opening_step>(next));
        } else if (std::holds_alternative<opening::decline_encryption>(step)) {
            if (!answer(client, no)) {
                co_return client_gone{true, "the client closed during its opening"};
            }
            step = opening::read{};
        } else if (const auto* start = std::get_if<opening::start_tls>(&step)) {
            if (!start->direct && !answer(client, yes)) {
                co_return client_gone{true, "the client closed during its opening"};
            }
            progress.handshaking = true;
            auto done = co_await shake_hands(client, *tls);
            if (auto* gone = std::get_if<client_gone>(&done)) {
                co_return std::move(*gone);
            }
            progress.handshaking = false;
            auto& established = std::get<tls::client_tls>(done);
            progress.certificate_fault = std::move(established.certificate_fault);
            const bool alpn = established.alpn;
            client.use_tls(std::move(established.tls));
            step = machine.tls_established(alpn);
        } else if (std::holds_alternative<opening::pass_through>(step)) {
            co_return opening::pass_through{};
        } else if (auto* startup = std::get_if<opening::startup>(&step)) {
            co_return std::move(*startup);
        } else if (auto* cancel = std::get_if<opening::cancel>(&step)) {
            co_return std::move(*cancel);
        } else {
            co_return std::move(std::get<opening::refuse>(step));
        }
    }
}

} // namespace

awaitable<client_wish> open_client(byte_stream& client, const tls::local_context* tls,
                                   std::span<std::uint8_t> scratch, opening_progress& progress) {
    const auto mode = tls != nullptr ? pgwire::opening_mode::tls : pgwire::opening_mode::clear;
    return drive(client, mode, tls, scratch, progress);
}

awaitable<client_wish> open_passthrough(byte_stream& client, std::span<std::uint8_t> scratch,
                                        opening_progress& progress) {
    return drive(client, pgwire::opening_mode::passthrough, nullptr, scratch, progress);
}

bool accept_passthrough(byte_stream& client) {
    return answer(client, yes);
}

} // namespace roachpin::net
