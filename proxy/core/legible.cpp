#include "core/legible.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace roachpin::core {
namespace {

std::size_t length_by(std::uint8_t lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xc0 || lead > 0xf7) {
        return 0;
    }
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/// U+FFFE and U+FFFF are no characters, and XML 1.0 has no place for them (section 2.2).
bool may_be_shown(char32_t character) {
    const bool is_control = character < 0x20 || (character >= 0x7f && character < 0xa0);
    return !is_control && character != 0xfffe && character != 0xffff;
}

/// How many octets the character has that `text` begins with; 0 where it is not to be shown.
/// RFC 3629, section 3: the shortest form only, no surrogates, nothing beyond U+10FFFF.
std::size_t shown_octets(std::string_view text) {
    const auto lead = static_cast<std::uint8_t>(text.front());
    const auto length = length_by(lead);
    if (length == 0 || length > text.size()) {
        return 0;
    }
    char32_t character = length == 1 ? lead : lead & (0x7fU >> length);
    for (const char next : text.substr(1, length - 1)) {
        const auto octet = static_cast<std::uint8_t>(next);
        if ((octet & 0xc0U) != 0x80U) {
            return 0;
        }
        character = (character << 6U) | (octet & 0x3fU);
    }
    constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    const bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
    const bool is_utf8 = character >= smallest.at(length) && character <= 0x10ffff && !is_surrogate;
    return is_utf8 && may_be_shown(character) ? length : 0;
}

} // namespace

std::string legible(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string shown;
    while (!text.empty()) {
        const auto length = shown_octets(text);
        if (length == 0) {
            const auto octet = static_cast<std::uint8_t>(text.front());
            shown += {'\\', 'x', digits[octet >> 4U], digits[octet & 15U]};
        } else {
            shown += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return shown;
}

} // namespace roachpin::core
