#pragma once

#include "support/pg_messages.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Openings as clients send them, and as they should not.
namespace roachpin::test {

/// A packet whose header says what it is told to say, whatever follows.
inline std::string first_packet_of(std::uint32_t length, std::uint32_t code,
                                   std::string_view body = {}) {
    return encode_u32(length) + encode_u32(code) + std::string(body);
}

/// A packet whose length is right.
inline std::string first_packet_of(std::uint32_t code, std::string_view body) {
    return first_packet_of(static_cast<std::uint32_t>(8 + body.size()), code, body);
}

/// A StartupMessage of exactly `size` octets.
inline std::string startup_of_size(std::size_t size) {
    const auto empty = startup_message({{"application_name", ""}, {"user", "app"}}).size();
    return startup_message({{"application_name", std::string(size - empty, 'x')}, {"user", "app"}});
}

/// The first octets of a TLS 1.3 ClientHello's record.
inline const std::string client_hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);

/// psql 15: "-h localhost -U app bank".
inline const std::string
    psql_startup("\x00\x00\x00\x4b\x00\x03\x00\x00"
                 "user\0app\0database\0bank\0application_name\0psql\0client_encoding\0UTF8\0\0",
                 75);

/// A CancelRequest of protocol 3.2: its key may have up to 256 octets.
inline std::string cancel_request_with_key(std::size_t key_size) {
    return first_packet_of(cancel_request_code, encode_u32(4711) + std::string(key_size, '\xa5'));
}

struct real_packet {
    const char* name;
    std::string octets;
    std::string_view kind;
};

/// Every packet that is whole only with its last octet.
inline std::vector<real_packet> real_packets() {
    return {
        {"SSLRequest", ssl_request(), "ssl_request"},
        {"GSSENCRequest", gssenc_request(), "gssenc_request"},
        {"CancelRequest", cancel_request(0x8123456789abcdef), "cancel_request"},
        {"CancelRequest of 3.2", cancel_request_with_key(32), "cancel_request"},
        {"CancelRequest, the longest", cancel_request_with_key(256), "cancel_request"},
        {"psql's StartupMessage", psql_startup, "startup_message"},
        {"StartupMessage of 3.2", startup_message({{"user", "app"}}, protocol_3_2),
         "startup_message"},
        {"StartupMessage without parameters", startup_message({}), "startup_message"},
        {"StartupMessage, the longest", startup_of_size(10'000), "startup_message"},
    };
}

} // namespace roachpin::test
