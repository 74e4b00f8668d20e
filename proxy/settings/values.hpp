#pragma once

#include "core/error.hpp"
#include "core/time.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

/// Texts to values, for what core/ has no type of its own.
namespace roachpin::settings {

/// `true` or `false`: none of YAML 1.1's other spellings.
core::result<bool> parse_boolean(std::string_view text);

/// A whole number and a unit: 250ms, 5s, 2m, 24h, or plain 0. At most a year, which keeps every
/// later sum of durations far from overflow.
core::result<core::duration> parse_duration(std::string_view text);

/// The same, without zero.
core::result<core::duration> parse_positive_duration(std::string_view text);

/// Whole seconds from 1s to 32767s: what TCP_KEEPIDLE and TCP_KEEPINTVL take (Linux's tcp.h,
/// MAX_TCP_KEEPIDLE).
core::result<core::duration> parse_keepalive_duration(std::string_view text);

/// A whole percentage: 10%.
core::result<unsigned> parse_percentage(std::string_view text, unsigned most);

/// A day as in ISO 8601, and a day there is: 2027-01-31.
core::result<std::chrono::year_month_day> parse_date(std::string_view text);
std::string to_text(const std::chrono::year_month_day& date);

/// Three or four octal digits of permission bits: 0660. No setuid, setgid or sticky bit.
core::result<mode_t> parse_file_mode(std::string_view text);

/// A decimal number; digits only.
core::result<std::uint64_t> parse_integer(std::string_view text, std::uint64_t least,
                                          std::uint64_t most);

template <class T>
struct between {
    std::uint64_t least;
    std::uint64_t most;

    core::result<T> operator()(std::string_view text) const {
        const auto number = parse_integer(text, least, most);
        return number ? core::result<T>(static_cast<T>(*number)) : number.error();
    }
};

core::error not_one_of(std::string_view text, const std::vector<std::string_view>& names);

template <class T>
struct one_of {
    std::vector<std::pair<std::string_view, T>> choices;

    core::result<T> operator()(std::string_view text) const {
        std::vector<std::string_view> names;
        for (const auto& [name, value] : choices) {
            if (name == text) {
                return value;
            }
            names.push_back(name);
        }
        return not_one_of(text, names);
    }
};

} // namespace roachpin::settings
