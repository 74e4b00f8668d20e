#include "settings/values.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

namespace roachpin::settings {
namespace {

using namespace std::chrono_literals;

constexpr core::duration longest = 8760h;

std::string quoted(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

std::optional<core::duration> unit_of(std::string_view name) {
    if (name == "ms") {
        return 1ms;
    }
    if (name == "s") {
        return 1s;
    }
    if (name == "m") {
        return 1min;
    }
    return name == "h" ? std::optional<core::duration>(1h) : std::nullopt;
}

/// Digits alone, all of `text`: std::from_chars takes no sign here and no blank.
std::optional<std::uint64_t> all_digits(std::string_view text, int base) {
    std::uint64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, number, base);
    return failed == std::errc{} && rest == end ? std::optional(number) : std::nullopt;
}

} // namespace

core::result<bool> parse_boolean(std::string_view text) {
    if (text == "true" || text == "false") {
        return text == "true";
    }
    return core::error{quoted(text) + " is neither true nor false"};
}

core::result<core::duration> parse_duration(std::string_view text) {
    if (text == "0") {
        return core::duration::zero();
    }
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = all_digits(text.substr(0, digits), 10);
    const auto unit = unit_of(text.substr(digits));
    if (digits == 0 || !unit) {
        return core::error{quoted(text) + " is not a duration; write a whole number and its unit: "
                                          "250ms, 5s, 2m or 24h"};
    }
    if (!number || *number > static_cast<std::uint64_t>(longest / *unit)) {
        return core::error{quoted(text) + " is longer than a year (8760h)"};
    }
    return static_cast<core::duration::rep>(*number) * *unit;
}

core::result<core::duration> parse_positive_duration(std::string_view text) {
    auto parsed = parse_duration(text);
    if (parsed && *parsed == core::duration::zero()) {
        return core::error{quoted(text) + " would end it before it begins; write a time above 0"};
    }
    return parsed;
}

core::result<core::duration> parse_keepalive_duration(std::string_view text) {
    auto parsed = parse_duration(text);
    if (parsed && (*parsed % 1s != 0s || *parsed < 1s || *parsed > 32767s)) {
        return core::error{quoted(text) + " is not something the kernel can count; write whole "
                                          "seconds from 1s to 32767s"};
    }
    return parsed;
}

core::result<unsigned> parse_percentage(std::string_view text, unsigned most) {
    const auto number =
        text.ends_with('%') ? all_digits(text.substr(0, text.size() - 1), 10) : std::nullopt;
    if (!number || *number > most) {
        return core::error{quoted(text) + " is not a whole percentage from 0% to " +
                           std::to_string(most) + "%; write it with its sign, such as 10%"};
    }
    return static_cast<unsigned>(*number);
}

core::result<std::chrono::year_month_day> parse_date(std::string_view text) {
    constexpr std::string_view shape = "dddd-dd-dd";
    const bool has_shape =
        std::equal(text.begin(), text.end(), shape.begin(), shape.end(),
                   [](char c, char due) { return due == 'd' ? c >= '0' && c <= '9' : c == due; });
    if (has_shape) {
        const auto number = [&](std::size_t at, std::size_t length) {
            return static_cast<unsigned>(*all_digits(text.substr(at, length), 10));
        };
        const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(number(0, 4))),
                                               std::chrono::month(number(5, 2)),
                                               std::chrono::day(number(8, 2))};
        if (date.ok()) {
            return date;
        }
    }
    return core::error{quoted(text) + " is not a day; write year, month and day: 2027-01-31"};
}

std::string to_text(const std::chrono::year_month_day& date) {
    const auto padded = [](unsigned number, std::size_t width) {
        const auto digits = std::to_string(number);
        return std::string(width - std::min(width, digits.size()), '0') + digits;
    };
    return padded(static_cast<unsigned>(static_cast<int>(date.year())), 4) + "-" +
           padded(static_cast<unsigned>(date.month()), 2) + "-" +
           padded(static_cast<unsigned>(date.day()), 2);
}

core::result<mode_t> parse_file_mode(std::string_view text) {
    const auto bits = all_digits(text, 8);
    if (text.size() < 3 || text.size() > 4 || !bits || *bits > 0777) {
        return core::error{
            quoted(text) +
            " is not a file mode; write three or four octal digits up to 0777, such as \"0660\""};
    }
    return static_cast<mode_t>(*bits);
}

core::result<std::uint64_t> parse_integer(std::string_view text, std::uint64_t least,
                                          std::uint64_t most) {
    const auto number = all_digits(text, 10);
    if (!number || *number < least || *number > most) {
        return core::error{quoted(text) + " is not a whole number from " + std::to_string(least) +
                           " to " + std::to_string(most)};
    }
    return *number;
}

core::error not_one_of(std::string_view text, const std::vector<std::string_view>& names) {
    std::string all;
    for (std::size_t index = 0; index < names.size(); ++index) {
        const bool is_last = index + 1 == names.size();
        all += index == 0 ? "" : is_last ? " or " : ", ";
        all += names[index];
    }
    return {quoted(text) + " is not a value of this key; write " + all};
}

} // namespace roachpin::settings
