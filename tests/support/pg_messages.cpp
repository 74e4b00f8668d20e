#include "support/pg_messages.hpp"

#include <stdexcept>

namespace roachpin::test {

namespace {

/// Reads up to the next NUL and steps over it; nothing when there is none.
std::optional<std::string> take_c_string(std::string_view& rest) {
    const auto end = rest.find('\0');
    if (end == std::string_view::npos)
        return std::nullopt;
    std::string text{rest.substr(0, end)};
    rest.remove_prefix(end + 1);
    return text;
}

std::string with_length(std::string_view body) {
    return encode_u32(static_cast<std::uint32_t>(body.size() + 4)).append(body);
}

} // namespace

std::string encode_u32(std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes += static_cast<char>((value >> shift) & 0xff);
    return bytes;
}

std::uint32_t decode_u32(std::string_view four_bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = (value << 8) | static_cast<unsigned char>(four_bytes.at(i));
    return value;
}

std::string ssl_request() {
    return with_length(encode_u32(ssl_request_code));
}

std::string gssenc_request() {
    return with_length(encode_u32(gssenc_request_code));
}

std::string cancel_request(std::uint64_t key) {
    return with_length(encode_u32(cancel_request_code) +
                       encode_u32(static_cast<std::uint32_t>(key >> 32)) +
                       encode_u32(static_cast<std::uint32_t>(key & 0xffffffff)));
}

std::string startup_message(const parameter_map& parameters, std::uint32_t version) {
    std::string body = encode_u32(version);
    for (const auto& [name, value] : parameters)
        body.append(name).append(1, '\0').append(value).append(1, '\0');
    return with_length(body.append(1, '\0'));
}

std::optional<parameter_map> parse_startup_parameters(std::string_view body) {
    parameter_map parameters;
    for (;;) {
        const auto name = take_c_string(body);
        if (!name)
            return std::nullopt;
        if (name->empty())
            return body.empty() ? std::optional{parameters} : std::nullopt;
        const auto value = take_c_string(body);
        if (!value)
            return std::nullopt;
        parameters[*name] = *value;
    }
}

std::string encode_message(char type, std::string_view body) {
    return std::string(1, type).append(with_length(body));
}

std::string query_message(std::string_view sql) {
    return encode_message('Q', std::string{sql} + '\0');
}

std::string password_message(std::string_view password) {
    return encode_message('p', std::string{password} + '\0');
}

std::string terminate_message() {
    return encode_message('X');
}

std::string encode_error(const error_fields& fields, char type) {
    std::string body;
    const auto add = [&](char field, const std::string& value) {
        if (!value.empty())
            body.append(1, field).append(value).append(1, '\0');
    };
    add('S', fields.severity);
    add('C', fields.code);
    add('M', fields.message);
    add('D', fields.detail);
    add('H', fields.hint);
    return encode_message(type, body.append(1, '\0'));
}

error_fields parse_error(std::string_view body) {
    error_fields fields;
    while (!body.empty() && body.front() != '\0') {
        const char field = body.front();
        body.remove_prefix(1);
        const auto value = take_c_string(body);
        if (!value)
            break;
        switch (field) {
        case 'S':
            fields.severity = *value;
            break;
        case 'C':
            fields.code = *value;
            break;
        case 'M':
            fields.message = *value;
            break;
        case 'D':
            fields.detail = *value;
            break;
        case 'H':
            fields.hint = *value;
            break;
        default:
            break;
        }
    }
    return fields;
}

std::optional<pg_message> take_message(std::string& buffer) {
    if (buffer.size() < 5)
        return std::nullopt;
    const std::size_t length = decode_u32(std::string_view{buffer}.substr(1, 4));
    if (length < 4 || length > (1u << 30))
        throw std::runtime_error{"a message of length " + std::to_string(length)};
    if (buffer.size() < length + 1)
        return std::nullopt;
    pg_message message{buffer.front(), buffer.substr(5, length - 4)};
    buffer.erase(0, length + 1);
    return message;
}

std::vector<std::optional<std::string>> parse_data_row(std::string_view body) {
    std::vector<std::optional<std::string>> columns;
    if (body.size() < 2)
        throw std::runtime_error{"a DataRow without a column count"};
    const std::size_t count = (static_cast<std::size_t>(static_cast<unsigned char>(body[0])) << 8) |
                              static_cast<unsigned char>(body[1]);
    body.remove_prefix(2);
    for (std::size_t i = 0; i < count; ++i) {
        const auto size = decode_u32(body);
        body.remove_prefix(4);
        if (size == 0xffffffff) {
            columns.emplace_back(std::nullopt);
            continue;
        }
        columns.emplace_back(std::string{body.substr(0, size)});
        body.remove_prefix(std::min<std::size_t>(size, body.size()));
    }
    return columns;
}

} // namespace roachpin::test
