#include "pgwire/first_answer.hpp"

#include "pgwire/error_response.hpp"
#include "pgwire/integers.hpp"
#include "pgwire/strings.hpp"

#include <algorithm>

namespace roachpin::pgwire {
namespace {

constexpr std::size_t header_size = 5;
constexpr std::size_t sqlstate_size = 5;

bool is_sqlstate(std::string_view text) {
    return text.size() == sqlstate_size && std::all_of(text.begin(), text.end(), [](char letter) {
               return (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z');
           });
}

/// `fields`: each a code and a string, the last followed by a zero octet.
first_answer judge_error(std::string_view fields) {
    refused error;
    while (!fields.empty() && fields.front() != '\0') {
        const char code = fields.front();
        fields.remove_prefix(1);
        const auto value = take_zero_terminated(fields);
        if (!value) {
            return answered{};
        }
        if (code == 'C') {
            error.sqlstate = *value;
        } else if (code == 'M') {
            error.message = *value;
        }
    }
    if (!is_sqlstate(error.sqlstate)) {
        return answered{};
    }
    return error;
}

} // namespace

first_answer judge_first_answer(core::bytes_view received) {
    if (received.empty()) {
        return incomplete{};
    }
    if (received.front() != 'E') {
        return answered{};
    }
    if (received.size() < header_size) {
        return incomplete{};
    }
    const auto length = load_uint32(received.data() + 1);
    if (length < header_size - 1 || length > max_first_error) {
        return answered{};
    }
    if (received.size() < 1 + std::size_t{length}) {
        return incomplete{};
    }
    return judge_error(core::as_text(received.first(1 + length).subspan(header_size)));
}

bool is_another_nodes_chance(std::string_view sqlstate) {
    return sqlstate == sqlstate::admin_shutdown || sqlstate == sqlstate::still_starting ||
           sqlstate == sqlstate::too_many;
}

bool may_refuse_minor_version(std::string_view sqlstate) {
    return sqlstate == "XX000" || sqlstate == sqlstate::protocol_violation || sqlstate == "0A000";
}

} // namespace roachpin::pgwire
