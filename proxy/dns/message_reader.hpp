#pragma once

#include "core/bytes.hpp"
#include "core/dns_name.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roachpin::dns {

/// Takes a message apart from its front to its end (RFC 1035 section 4.1).
///
/// Invariant: the first thing that is wrong is kept as `refusal()`, and from then on numbers read
/// as 0, octets and names as empty. So a sequence of reads is checked once, where it ends.
class message_reader {
public:
    /// Reads from `message`, which must outlive it and whatever views it gives out.
    explicit message_reader(core::bytes_view message) : message_(message) {}

    std::uint8_t take_uint8();
    std::uint16_t take_uint16();
    std::uint32_t take_uint32();
    core::bytes_view take(std::size_t size);

    /// A name's labels, in whatever octets they hold; none for the root. Compression pointers lead
    /// strictly backwards, 32 of them at most; 255 octets at most (RFC 1035 sections 2.3.4, 4.1.4).
    std::vector<std::string_view> take_labels();

    /// The same, where the name will be compared, kept or shown. Nothing where it was refused.
    std::optional<core::dns_name> take_name();

    std::size_t position() const { return position_; }

    std::size_t left() const { return refused() ? 0 : message_.size() - position_; }

    void refuse(std::string sentence);

    bool refused() const { return !refusal_.empty(); }

    /// What is wrong, printable; empty where nothing is.
    const std::string& refusal() const { return refusal_; }

private:
    std::size_t take_pointer(std::uint8_t first_octet, std::size_t before);

    core::bytes_view message_;
    std::size_t position_ = 0;
    std::string refusal_;
};

} // namespace roachpin::dns
