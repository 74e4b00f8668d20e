#include "net/farewell.hpp"

#include "net/deadline.hpp"

namespace roachpin::net {
namespace {

bool is_blocked(io_status status) {
    return status == io_status::wants_read || status == io_status::wants_write;
}

/// Whether all was written.
awaitable<bool> write_all(byte_stream& client, core::bytes_view rest) {
    while (!rest.empty()) {
        const auto put = client.write_some(rest);
        if (put.status == io_status::ok) {
            rest = rest.subspan(put.size);
            continue;
        }
        if (!is_blocked(put.status)) {
            co_return false;
        }
        const auto [failed] = co_await client.wait(put.status);
        if (failed) {
            co_return false;
        }
    }
    co_return true;
}

awaitable<bool> part(byte_stream& client, core::bytes message, std::span<std::uint8_t> scratch) {
    if (!co_await write_all(client, message)) {
        co_return false;
    }
    auto last = client.close_sending();
    while (is_blocked(last.status) || last.status == io_status::ok) {
        if (is_blocked(last.status)) {
            const auto [failed] = co_await client.wait(last.status);
            if (failed) {
                co_return false;
            }
        }
        last = client.read_some(scratch);
    }
    co_return true;
}

} // namespace

awaitable<void> say_farewell(byte_stream& client, core::bytes message,
                             std::span<std::uint8_t> scratch, core::time_point deadline) {
    co_await with_deadline(part(client, std::move(message), scratch), deadline);
}

} // namespace roachpin::net
