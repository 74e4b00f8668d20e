#include "pgwire/protocol_version.hpp"

#include "pgwire/integers.hpp"
#include "pgwire/strings.hpp"

#include <algorithm>

namespace roachpin::pgwire {
namespace {

constexpr std::size_t header_size = 8; ///< length and version
constexpr std::uint32_t protocol_3_0 = 3U << 16;

/// The StartupMessage of an opening; all of it where the length says more.
core::bytes_view startup_of(core::bytes_view opening) {
    return opening.first(std::min<std::size_t>(load_uint32(opening.data()), opening.size()));
}

bool is_protocol_option(std::string_view name) {
    return name.starts_with("_pq_.");
}

/// Calls `visit(name, value)` for each parameter of a StartupMessage.
template <class Visit>
void for_each_parameter(core::bytes_view startup, Visit visit) {
    auto rest = core::as_text(startup.subspan(std::min(header_size, startup.size())));
    while (const auto name = take_zero_terminated(rest)) {
        const auto value = take_zero_terminated(rest);
        if (name->empty() || !value) {
            return;
        }
        visit(*name, *value);
    }
}

void append_uint32(core::bytes& message, std::uint32_t number) {
    const auto at = message.size();
    message.resize(at + 4);
    store_uint32(number, message.data() + at);
}

void append_string(core::bytes& message, std::string_view text) {
    message.insert(message.end(), text.begin(), text.end());
    message.push_back(0);
}

} // namespace

core::bytes as_protocol_3_0(core::bytes_view opening) {
    const auto startup = startup_of(opening);
    core::bytes asking;
    asking.reserve(opening.size());
    append_uint32(asking, 0);
    append_uint32(asking, protocol_3_0);
    for_each_parameter(startup, [&](std::string_view name, std::string_view value) {
        if (!is_protocol_option(name)) {
            append_string(asking, name);
            append_string(asking, value);
        }
    });
    asking.push_back(0);
    store_uint32(static_cast<std::uint32_t>(asking.size()), asking.data());
    const auto behind = opening.subspan(startup.size());
    asking.insert(asking.end(), behind.begin(), behind.end());
    return asking;
}

core::bytes encode_negotiate_protocol_version(core::bytes_view startup) {
    core::bytes names;
    std::uint32_t count = 0;
    for_each_parameter(startup_of(startup), [&](std::string_view name, std::string_view) {
        if (is_protocol_option(name)) {
            append_string(names, name);
            ++count;
        }
    });
    core::bytes message{'v'};
    append_uint32(message, static_cast<std::uint32_t>(3 * 4 + names.size()));
    append_uint32(message, protocol_3_0);
    append_uint32(message, count);
    message.insert(message.end(), names.begin(), names.end());
    return message;
}

} // namespace roachpin::pgwire
