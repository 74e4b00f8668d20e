#include "support/fake_replies.hpp"

#include "support/pg_messages.hpp"

#include <openssl/rand.h>

namespace roachpin::test {

namespace {

std::string parameter_status(std::string_view name, std::string_view value) {
    return encode_message('S', c_string(name) + c_string(value));
}

std::string encode_u16(std::uint16_t value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

} // namespace

std::string c_string(std::string_view text) {
    return std::string{text} + '\0';
}

std::string login_replies(node_release release, std::uint64_t backend_key) {
    const bool measured = release == node_release::v19_1;
    constexpr std::uint32_t authentication_ok = 0;
    std::string replies = encode_message('R', encode_u32(authentication_ok));
    replies += parameter_status("server_version", measured ? "9.5.0" : "13.0.0");
    replies += parameter_status("crdb_version", measured ? "CockroachDB OSS v19.1.11 (fake)"
                                                         : "CockroachDB OSS v22.1.0 (fake)");
    replies += parameter_status("client_encoding", "UTF8");
    replies += parameter_status("DateStyle", measured ? "ISO" : "ISO, MDY");
    replies += parameter_status("integer_datetimes", "on");
    replies += parameter_status("standard_conforming_strings", "on");
    if (backend_key != 0)
        replies += encode_message('K', encode_u32(static_cast<std::uint32_t>(backend_key >> 32)) +
                                           encode_u32(static_cast<std::uint32_t>(backend_key)));
    return replies + ready_for_query('I');
}

std::uint64_t make_backend_key(std::uint32_t sql_instance_id) {
    std::uint64_t random = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&random), sizeof random);
    // Top bit 0: 11 bits of SQL instance id, 52 random bits.
    constexpr std::uint64_t random_bits = (std::uint64_t{1} << 52) - 1;
    return (std::uint64_t{sql_instance_id & 0x7ff} << 52) | (random & random_bits);
}

std::string text_row(std::string_view value) {
    constexpr std::uint32_t text_oid = 25;
    const std::string description = encode_u16(1) + c_string("sql") + encode_u32(0) +
                                    encode_u16(0) + encode_u32(text_oid) + encode_u16(0xffff) +
                                    encode_u32(0xffffffff) + encode_u16(0);
    const std::string row =
        encode_u16(1) + encode_u32(static_cast<std::uint32_t>(value.size())) + std::string{value};
    return encode_message('T', description) + encode_message('D', row) +
           command_complete("SELECT 1");
}

std::string command_complete(std::string_view tag) {
    return encode_message('C', c_string(tag));
}

std::string ready_for_query(char status) {
    return encode_message('Z', std::string(1, status));
}

} // namespace roachpin::test
