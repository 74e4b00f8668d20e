#include "pgwire/first_packet.hpp"

#include "pgwire/integers.hpp"
#include "pgwire/strings.hpp"

#include <algorithm>
#include <optional>

namespace roachpin::pgwire {
namespace {

constexpr std::size_t header_size = 8;
constexpr std::uint32_t request_code_major = 1234;
constexpr std::uint32_t cancel_code = request_code_major << 16 | 5678;
constexpr std::uint32_t ssl_code = request_code_major << 16 | 5679;
constexpr std::uint32_t gssenc_code = request_code_major << 16 | 5680;

/// Protocol 3.0 has keys of 4 octets; 3.2 allows up to 256.
constexpr std::size_t min_cancel = header_size + 4 + 4;
constexpr std::size_t max_cancel = header_size + 4 + 256;

first_packet refuse(std::string sentence) {
    return {malformed{std::move(sentence)}, 0};
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() &&
           std::equal(prefix.begin(), prefix.end(), text.begin(), [](char wanted, char seen) {
               return wanted == (seen >= 'A' && seen <= 'Z' ? seen - 'A' + 'a' : seen);
           });
}

void note_parameter(startup_message& message, std::string_view name, std::string_view value) {
    if (name == "user") {
        message.user = value;
    } else if (name == "database") {
        message.database = value;
    } else if (name == "application_name") {
        message.application_name = value;
    }
}

/// `parameters`: what follows the version, up to the packet's end.
first_packet_kind parse_startup(std::uint16_t minor_version, std::string_view parameters) {
    startup_message message{.minor_version = minor_version};
    while (true) {
        const auto name = take_zero_terminated(parameters);
        if (!name) {
            return malformed{"the StartupMessage's parameters do not end in a zero octet"};
        }
        if (name->empty()) {
            break;
        }
        // CockroachDB's own proxy hands a client's address to a node as crdb:remote_addr: whoever
        // may send these can claim to be anybody.
        if (starts_with_ignoring_case(*name, "crdb:")) {
            return malformed{"the StartupMessage sets a crdb: parameter, which only CockroachDB's "
                             "own proxy may"};
        }
        const auto value = take_zero_terminated(parameters);
        if (!value) {
            return malformed{"the StartupMessage has a parameter without a value"};
        }
        note_parameter(message, *name, *value);
    }
    if (!parameters.empty()) {
        return malformed{"the StartupMessage has octets behind its last parameter"};
    }
    return message;
}

first_packet parse_coded(std::uint32_t code, core::bytes_view packet) {
    switch (code) {
    case ssl_code:
        return {ssl_request{}, packet.size()};
    case gssenc_code:
        return {gssenc_request{}, packet.size()};
    case cancel_code:
        return {cancel_request{{packet.begin(), packet.end()}}, packet.size()};
    default:
        break;
    }
    auto kind =
        parse_startup(static_cast<std::uint16_t>(code), core::as_text(packet.subspan(header_size)));
    const bool refused = std::holds_alternative<malformed>(kind);
    return {std::move(kind), refused ? 0 : packet.size()};
}

/// What the header alone forbids.
std::optional<std::string> header_fault(std::uint32_t length, std::uint32_t code) {
    if (code == cancel_code && (length < min_cancel || length > max_cancel)) {
        return "a CancelRequest is 16 to 268 octets long, this one says " + std::to_string(length);
    }
    if ((code == ssl_code || code == gssenc_code) && length != header_size) {
        return "an encryption request is 8 octets long, this one says " + std::to_string(length);
    }
    const bool request = code >> 16 == request_code_major;
    if (request && code != cancel_code && code != ssl_code && code != gssenc_code) {
        return "request code " + std::to_string(code & 0xffff) + " is not known";
    }
    if (!request && code >> 16 != 3) {
        return "protocol " + std::to_string(code >> 16) + "." + std::to_string(code & 0xffff) +
               " is not PostgreSQL 3.x";
    }
    return std::nullopt;
}

} // namespace

first_packet parse_first_packet(core::bytes_view input) {
    if (!input.empty() && input[0] == tls_handshake_record) {
        return {tls_client_hello{}, 0};
    }
    if (input.size() < 4) {
        return {incomplete{}, 0};
    }
    const auto length = load_uint32(input.data());
    if (length < header_size || length > max_first_packet) {
        return refuse("the first packet says it is " + std::to_string(length) +
                      " octets long; 8 to " + std::to_string(max_first_packet) + " are allowed");
    }
    if (input.size() < header_size) {
        return {incomplete{}, 0};
    }
    const auto code = load_uint32(input.data() + 4);
    if (auto fault = header_fault(length, code)) {
        return refuse(std::move(*fault));
    }
    if (input.size() < length) {
        return {incomplete{}, 0};
    }
    return parse_coded(code, input.first(length));
}

} // namespace roachpin::pgwire
