#include "pgwire/error_response.hpp"

#include "pgwire/integers.hpp"

namespace roachpin::pgwire {
namespace {

void append_field(core::bytes& message, char code, std::string_view value) {
    value = value.substr(0, value.find('\0'));
    if (value.empty()) {
        return;
    }
    message.push_back(static_cast<std::uint8_t>(code));
    message.insert(message.end(), value.begin(), value.end());
    message.push_back(0);
}

} // namespace

core::bytes encode_error_response(const error_fields& fields) {
    core::bytes message{'E', 0, 0, 0, 0};
    append_field(message, 'S', "FATAL");
    append_field(message, 'V', "FATAL");
    append_field(message, 'C', fields.sqlstate);
    append_field(message, 'M', fields.message);
    append_field(message, 'D', fields.detail);
    append_field(message, 'H', fields.hint);
    message.push_back(0);
    // The length counts itself and not the type byte in front of it.
    store_uint32(static_cast<std::uint32_t>(message.size() - 1), message.data() + 1);
    return message;
}

} // namespace roachpin::pgwire
