#include "settings/problem.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace roachpin::settings {
namespace {

/// core::printable would also spell out what is outside ASCII; a file may be called "prüfung.crt".
std::string without_controls(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string shown;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet >= 0x20 && octet != 0x7f) {
            shown += c;
        } else {
            shown += {'\\', 'x', digits[octet >> 4U], digits[octet & 0xfU]};
        }
    }
    return shown;
}

} // namespace

std::string place::to_string() const {
    auto text = file;
    if (line != 0) {
        text += ":" + std::to_string(line);
    }
    if (!path.empty()) {
        text += ": " + path;
    }
    return without_controls(text);
}

/// A file's name may hold colons, a path into the configuration holds none.
std::string key_of(const std::string& place) {
    const auto colon = place.rfind(": ");
    return colon == std::string::npos ? place : place.substr(colon + 2);
}

std::size_t line_of(const std::string& place) {
    const auto end = place.rfind(": ");
    const auto begin = end == std::string::npos ? end : place.rfind(':', end - 1);
    std::size_t line = 0;
    if (begin != std::string::npos && end > 0) {
        std::from_chars(place.data() + begin + 1, place.data() + end, line);
    }
    return line == 0 ? 1 : line;
}

std::string problem::to_string() const {
    return where.to_string() + ": " + without_controls(sentence);
}

void sort_by_line(std::vector<problem>& problems) {
    std::stable_sort(problems.begin(), problems.end(), [](const problem& a, const problem& b) {
        return a.where.line < b.where.line;
    });
}

std::string to_string(const std::vector<problem>& problems) {
    std::string text;
    for (const auto& each : problems) {
        text += each.to_string() + "\n";
    }
    return text;
}

} // namespace roachpin::settings
