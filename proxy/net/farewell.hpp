#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "net/byte_stream.hpp"

#include <span>

namespace roachpin::net {

/// Sends a last message, ends the sending, and reads until the client has closed too or `deadline`
/// has passed: closing with octets unread makes the kernel send RST, which can overtake the
/// message.
awaitable<void> say_farewell(byte_stream& client, core::bytes message,
                             std::span<std::uint8_t> scratch, core::time_point deadline);

} // namespace roachpin::net
