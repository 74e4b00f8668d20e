#pragma once

#include <cstdint>

namespace roachpin::core {

/// The versions roachpin speaks at all: 1.0 and 1.1 are formally deprecated (RFC 8996).
enum class tls_version : std::uint8_t { v1_2, v1_3 };

} // namespace roachpin::core
