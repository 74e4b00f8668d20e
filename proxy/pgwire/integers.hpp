#pragma once

#include <cstdint>

/// The protocol's integers are in network byte order.
namespace roachpin::pgwire {

/// Reads 4 octets.
inline std::uint32_t load_uint32(const std::uint8_t* octets) {
    return std::uint32_t{octets[0]} << 24 | std::uint32_t{octets[1]} << 16 |
           std::uint32_t{octets[2]} << 8 | std::uint32_t{octets[3]};
}

/// Writes 4 octets.
inline void store_uint32(std::uint32_t number, std::uint8_t* octets) {
    octets[0] = static_cast<std::uint8_t>(number >> 24);
    octets[1] = static_cast<std::uint8_t>(number >> 16);
    octets[2] = static_cast<std::uint8_t>(number >> 8);
    octets[3] = static_cast<std::uint8_t>(number);
}

} // namespace roachpin::pgwire
