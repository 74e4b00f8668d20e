#pragma once

#include "core/bytes.hpp"
#include "net/byte_stream.hpp"

namespace roachpin::net {

/// Writes everything, waiting as needed; false where the peer is gone. `octets` must outlive it.
awaitable<bool> write_all(byte_stream& to, core::bytes_view octets);

} // namespace roachpin::net
