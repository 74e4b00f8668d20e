#include "settings/problem.hpp"

#include "core/legible.hpp"

#include <algorithm>
#include <string_view>

namespace roachpin::settings {
namespace {

bool is_inside_character(char octet) {
    return (static_cast<unsigned char>(octet) & 0xc0U) == 0x80U;
}

/// A value may be a whole certificate that slipped in, or a megabyte. A sentence begins with what
/// is wrong and ends in what to do: both stay.
std::string shown(std::string_view text) {
    constexpr std::size_t most = 1024;
    constexpr std::size_t tail = 256;
    if (text.size() <= most) {
        return core::legible(text);
    }
    auto head = most - tail;
    auto behind = text.size() - tail;
    while (head > 0 && is_inside_character(text[head])) {
        --head;
    }
    while (behind < text.size() && is_inside_character(text[behind])) {
        ++behind;
    }
    return core::legible(text.substr(0, head)) + "…" + core::legible(text.substr(behind));
}

} // namespace

std::string place::to_string() const {
    auto text = shown(file);
    if (line != 0) {
        text += ":" + std::to_string(line);
    }
    if (!path.empty()) {
        text += ": " + shown(path);
    }
    return text;
}

std::string problem::to_string() const {
    return where.to_string() + ": " + shown(sentence);
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
