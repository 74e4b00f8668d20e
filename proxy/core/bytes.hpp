#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace roachpin::core {

using bytes = std::vector<std::uint8_t>;
using bytes_view = std::span<const std::uint8_t>;

/// The same octets, seen as bytes. The view lives as long as `text`'s storage.
inline bytes_view as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(bytes_view octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

} // namespace roachpin::core
