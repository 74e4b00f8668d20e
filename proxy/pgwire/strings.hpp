#pragma once

#include <optional>
#include <string_view>

/// The protocol's strings end in a zero octet.
namespace roachpin::pgwire {

/// The next string of `rest`, taken off it with its zero octet; nothing where there is none.
inline std::optional<std::string_view> take_zero_terminated(std::string_view& rest) {
    const auto end = rest.find('\0');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const auto text = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return text;
}

} // namespace roachpin::pgwire
