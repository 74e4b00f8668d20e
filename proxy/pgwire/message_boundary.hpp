#pragma once

#include "core/bytes.hpp"
#include "pgwire/integers.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace roachpin::pgwire {

/// Follows one side's messages just enough to know whether one is under way: headers are read,
/// bodies skipped. Source: PostgreSQL, "Message Formats": a type octet, then a length that counts
/// itself. Sixteen octets, as each session has two.
///
/// Invariant: when a node's is `at_boundary()`, an ErrorResponse may be put into its stream;
/// otherwise it would land inside another message.
class message_boundary {
public:
    /// The next octets that side sent. A length below 4 breaks the framing: never a boundary again.
    void follow(core::bytes_view octets);

    /// The same, and tells `reader` of what passes:
    /// - `reader.on_body(type, part)`: the next octets of a body, at least one;
    /// - `reader.on_message(type, first)`: the message is whole; `first` is its body's first octet,
    ///   0 where it has none. `last_type()` is still the message's before.
    template <class Reader>
    void follow(core::bytes_view octets, Reader&& reader) {
        while (!octets.empty() && body_left_ != broken) {
            octets = octets.subspan(body_left_ > 0 ? read_body(octets, reader)
                                                   : read_header(octets, reader));
        }
    }

    bool at_boundary() const { return body_left_ == 0 && header_held_ == 0; }

    /// The last whole message's type; 0 before the first.
    std::uint8_t last_type() const { return last_type_; }

private:
    static constexpr std::size_t header_size = 5;

    /// No length leaves a body of so many octets.
    static constexpr std::uint32_t broken = std::numeric_limits<std::uint32_t>::max();

    /// How many of `octets` belonged to the body.
    template <class Reader>
    std::size_t read_body(core::bytes_view octets, Reader& reader) {
        const auto part = octets.first(std::min<std::size_t>(body_left_, octets.size()));
        if (!body_begun_) {
            body_begun_ = true;
            first_ = part.front();
        }
        body_left_ -= static_cast<std::uint32_t>(part.size());
        reader.on_body(header_[0], part);
        if (body_left_ == 0) {
            end_message(reader);
        }
        return part.size();
    }

    /// How many of `octets` belonged to the header.
    template <class Reader>
    std::size_t read_header(core::bytes_view octets, Reader& reader) {
        const auto taken = std::min(header_size - header_held_, octets.size());
        std::copy_n(octets.begin(), taken, header_.begin() + header_held_);
        header_held_ = static_cast<std::uint8_t>(header_held_ + taken);
        if (header_held_ < header_size) {
            return taken;
        }
        header_held_ = 0;
        first_ = 0;
        body_begun_ = false;
        const auto length = load_uint32(header_.data() + 1);
        body_left_ = length < 4 ? broken : length - 4;
        if (body_left_ == 0) {
            end_message(reader);
        }
        return taken;
    }

    template <class Reader>
    void end_message(Reader& reader) {
        reader.on_message(header_[0], first_);
        last_type_ = header_[0];
    }

    std::uint32_t body_left_ = 0;
    std::uint8_t header_held_ = 0;
    std::array<std::uint8_t, header_size> header_{};
    std::uint8_t first_ = 0;
    std::uint8_t last_type_ = 0;
    bool body_begun_ = false;
};

} // namespace roachpin::pgwire
