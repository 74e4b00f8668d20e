#pragma once

#include "core/bytes.hpp"

#include <string>
#include <variant>

/// The packet a client opens with. It carries no type byte; its length and a 32-bit code say what
/// it is. Source: PostgreSQL, "Message Formats": StartupMessage, SSLRequest, GSSENCRequest,
/// CancelRequest; "Message Flow": SSL Session Encryption.
namespace roachpin::pgwire {

/// PostgreSQL's own limit for a startup packet (MAX_STARTUP_PACKET_LENGTH).
inline constexpr std::size_t max_first_packet = 10'000;

/// The first octet of a TLS record that holds a ClientHello (RFC 8446 section 5.1).
inline constexpr std::uint8_t tls_handshake_record = 0x16;

/// Not enough octets to say.
struct incomplete {};

/// The client asks for TLS.
struct ssl_request {};

/// The client asks for GSSAPI encryption.
struct gssenc_request {};

/// The client speaks TLS without asking.
struct tls_client_hello {};

/// The client wants a running statement stopped. Never answered.
struct cancel_request {
    core::bytes packet; ///< as it came; it carries a secret: not for logs
};

/// The client wants a session, protocol 3.x.
struct startup_message {
    std::uint16_t minor_version = 0;
    std::string user;
    std::string database; ///< empty where the client left it to the node
    std::string application_name;
};

/// Anything else, with what was wrong.
struct malformed {
    std::string sentence;
};

using first_packet_kind = std::variant<incomplete, ssl_request, gssenc_request, tls_client_hello,
                                       cancel_request, startup_message, malformed>;

struct first_packet {
    first_packet_kind kind;
    std::size_t size = 0; ///< octets it takes of the input; 0 where incomplete or malformed
};

/// Judges the octets a client has sent so far. Refuses as early as the octets allow, so that a
/// huge announced length never waits for its octets.
first_packet parse_first_packet(core::bytes_view input);

} // namespace roachpin::pgwire
