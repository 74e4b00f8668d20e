#include "net/farewell.hpp"

#include "net/deadline.hpp"
#include "net/write_all.hpp"

namespace roachpin::net {
namespace {

awaitable<bool> part(byte_stream& client, core::bytes message, std::span<std::uint8_t> scratch) {
    const bool written = co_await write_all(client, message);
    if (!written) {
        co_return false;
    }
    auto ended = client.close_sending();
    while (is_blocked(ended.status)) {
        const auto [failed] = co_await client.wait(ended.status);
        if (failed) {
            co_return false;
        }
        ended = client.close_sending();
    }
    auto last = ended;
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
