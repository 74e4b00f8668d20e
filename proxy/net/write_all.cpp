#include "net/write_all.hpp"

namespace roachpin::net {

awaitable<bool> write_all(byte_stream& to, core::bytes_view octets) {
    while (!octets.empty()) {
        const auto put = to.write_some(octets);
        if (put.status == io_status::ok) {
            octets = octets.subspan(put.size);
            continue;
        }
        if (!is_blocked(put.status)) {
            co_return false;
        }
        const auto [failed] = co_await to.wait(put.status);
        if (failed) {
            co_return false;
        }
    }
    co_return true;
}

} // namespace roachpin::net
