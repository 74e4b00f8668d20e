#include "settings/problem.hpp"

#include <algorithm>
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
