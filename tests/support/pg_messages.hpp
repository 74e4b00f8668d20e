#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The PostgreSQL v3 wire, as far as tests need it: builders and parsers of single messages on
/// strings of raw bytes. Written without the proxy's own parsers, so that one cannot hide the
/// other's mistakes.
/// https://www.postgresql.org/docs/current/protocol-message-formats.html
namespace roachpin::test {

inline constexpr std::uint32_t protocol_3_0 = 196608;
inline constexpr std::uint32_t protocol_3_2 = 196610;
inline constexpr std::uint32_t cancel_request_code = 80877102;
inline constexpr std::uint32_t ssl_request_code = 80877103;
inline constexpr std::uint32_t gssenc_request_code = 80877104;

using parameter_map = std::map<std::string, std::string>;

/// A typed message: the length word is not part of `body`.
struct pg_message {
    char type = 0;
    std::string body;
};

/// The fields of an ErrorResponse or NoticeResponse; what was absent is empty.
struct error_fields {
    std::string severity;
    std::string code;
    std::string message;
    std::string detail;
    std::string hint;
};

[[nodiscard]] std::string encode_u32(std::uint32_t value);
[[nodiscard]] std::uint32_t decode_u32(std::string_view four_bytes);

// Openings: no type byte.
[[nodiscard]] std::string ssl_request();
[[nodiscard]] std::string gssenc_request();
[[nodiscard]] std::string cancel_request(std::uint64_t key); // process id in the upper 32 bits
[[nodiscard]] std::string startup_message(const parameter_map& parameters,
                                          std::uint32_t version = protocol_3_0);

/// The parameters of a StartupMessage's body (what follows the version word). Empty when the list
/// is not well formed.
[[nodiscard]] std::optional<parameter_map> parse_startup_parameters(std::string_view body);

// Typed messages.
[[nodiscard]] std::string encode_message(char type, std::string_view body = {});
[[nodiscard]] std::string query_message(std::string_view sql);
[[nodiscard]] std::string password_message(std::string_view password);
[[nodiscard]] std::string terminate_message();
[[nodiscard]] std::string encode_error(const error_fields& fields, char type = 'E');

[[nodiscard]] error_fields parse_error(std::string_view body);

/// Takes the first complete message off the front of `buffer`; nothing while it is incomplete.
/// Throws std::runtime_error on a length word that cannot be right.
[[nodiscard]] std::optional<pg_message> take_message(std::string& buffer);

/// The text columns of a DataRow; SQL NULL comes as an empty optional.
[[nodiscard]] std::vector<std::optional<std::string>> parse_data_row(std::string_view body);

} // namespace roachpin::test
