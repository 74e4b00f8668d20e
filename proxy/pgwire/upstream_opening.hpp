#pragma once

#include "core/bytes.hpp"

#include <array>
#include <string>

/// The opening towards a node: SSLRequest, one octet, TLS. Source: PostgreSQL, "Message Flow":
/// SSL Session Encryption.
namespace roachpin::pgwire {

/// The only octets a node gets in clear.
inline constexpr std::array<std::uint8_t, 8> ssl_request_packet{0, 0, 0, 8, 4, 210, 22, 47};

/// What a node's answer to SSLRequest means.
enum class ssl_answer {
    accepted,     ///< exactly 'S': the handshake may begin
    declined,     ///< 'N': the node has no TLS; a fallback to clear text does not exist
    error,        ///< 'E': an ErrorResponse in clear, not to be shown as the node's own word
    not_postgres, ///< another octet: HTTP, TLS, noise
    stuffed,      ///< 'S' and more: what is buffered in clear must not pass for what came inside
                  ///< TLS (CVE-2021-23222)
};

/// Judges everything that has come since SSLRequest was sent; at least one octet.
ssl_answer judge_ssl_answer(core::bytes_view received);

} // namespace roachpin::pgwire
