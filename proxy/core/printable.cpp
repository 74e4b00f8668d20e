#include "core/printable.hpp"

namespace roachpin::core {

std::string printable(std::string_view text, std::size_t most) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string shown;
    for (const char c : text.substr(0, most)) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '\\') {
            shown += "\\\\";
        } else if (octet >= 0x20 && octet < 0x7f) {
            shown += c;
        } else {
            shown += "\\x";
            shown += digits[octet >> 4U];
            shown += digits[octet & 0xfU];
        }
    }
    return text.size() > most ? shown + "…" : shown;
}

} // namespace roachpin::core
