#pragma once

#include "core/bytes.hpp"

#include <array>

namespace roachpin::pgwire {

/// Follows a node's messages just enough to know whether one is under way: headers are read, bodies
/// skipped. Source: PostgreSQL, "Message Formats": a type octet, then a length that counts itself.
///
/// Invariant: when `at_boundary()`, an ErrorResponse may be put into the stream; otherwise it would
/// land inside another message.
class message_boundary {
public:
    /// The next octets the node sent. A length below 4 breaks the framing: never a boundary again.
    void follow(core::bytes_view octets);

    bool at_boundary() const { return body_left_ == 0 && header_held_ == 0; }

    /// The last whole message's type; 0 before the first.
    std::uint8_t last_type() const { return last_type_; }

private:
    static constexpr std::size_t header_size = 5;

    std::size_t body_left_ = 0;
    std::size_t header_held_ = 0;
    std::array<std::uint8_t, header_size> header_{};
    std::uint8_t last_type_ = 0;
};

} // namespace roachpin::pgwire
