#pragma once

#include "core/bytes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// What the fuzz targets have in common: promises, and the ways to take an input apart.
namespace roachpin::fuzz {

/// Ends the run where it does not hold: libFuzzer then keeps the input.
inline void require(bool holds, const char* promise) {
    if (!holds) {
        std::fprintf(stderr, "\nNOT SO: %s\n", promise);
        std::abort();
    }
}

/// Takes an input apart from its front; an input that has ended gives zeros and nothing.
class input {
public:
    input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

    bool ended() const { return left_.empty(); }

    std::uint8_t octet() { return left_.empty() ? std::uint8_t{0} : octets(1).front(); }

    /// Of two octets, the higher one first.
    std::size_t number() {
        const std::size_t high = octet();
        return high << 8U | octet();
    }

    /// At most so many.
    core::bytes_view octets(std::size_t most) {
        const auto taken = left_.first(std::min(most, left_.size()));
        left_ = left_.subspan(taken.size());
        return taken;
    }

    /// All that is left.
    core::bytes_view rest() { return octets(left_.size()); }

    /// Up to the next `end`, which is taken off as well, or to the input's own.
    std::string text(char end = '\n') {
        const auto all = core::as_text(left_);
        const auto size = std::min(all.find(end), all.size());
        octets(std::min(size + 1, all.size()));
        return std::string(all.substr(0, size));
    }

private:
    core::bytes_view left_;
};

/// Cuts octets into pieces whose sizes follow from a seed: as a network might.
class cutter {
public:
    explicit cutter(std::uint32_t seed) : state_(seed * 2654435761U + 1) {}

    /// Takes the next piece, of at least one octet, off `rest`.
    core::bytes_view next(core::bytes_view& rest) {
        state_ = state_ * 1664525U + 1013904223U;
        const auto roll = state_ >> 24U;
        // Most pieces are short, so that headers are cut, some are long, so that bodies pass.
        const std::size_t size = roll < 128 ? 1 + roll % 3 : roll < 224 ? 1 + roll % 16 : roll * 8;
        const auto piece = rest.first(std::min(size, rest.size()));
        rest = rest.subspan(piece.size());
        return piece;
    }

private:
    std::uint32_t state_;
};

inline bool is_control(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7f;
}

/// Nothing that a terminal would act on.
inline bool has_no_controls(std::string_view text) {
    return std::none_of(text.begin(), text.end(), is_control);
}

inline bool is_printable_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// RFC 3629, by its table of octets (section 4): another way than the program's.
inline bool is_utf8(std::string_view text) {
    const auto at = [&](std::size_t index) {
        return index < text.size() ? static_cast<unsigned char>(text[index]) : 0U;
    };
    const auto is_tail = [&](std::size_t index) {
        return at(index) >= 0x80 && at(index) <= 0xbf;
    };
    std::size_t i = 0;
    while (i < text.size()) {
        const auto first = at(i);
        const auto second = at(i + 1);
        if (first < 0x80) {
            i += 1;
        } else if (first >= 0xc2 && first <= 0xdf && is_tail(i + 1)) {
            i += 2;
        } else if (first >= 0xe0 && first <= 0xef && is_tail(i + 1) && is_tail(i + 2) &&
                   (first != 0xe0 || second >= 0xa0) && (first != 0xed || second <= 0x9f)) {
            i += 3;
        } else if (first >= 0xf0 && first <= 0xf4 && is_tail(i + 1) && is_tail(i + 2) &&
                   is_tail(i + 3) && (first != 0xf0 || second >= 0x90) &&
                   (first != 0xf4 || second <= 0x8f)) {
            i += 4;
        } else {
            return false;
        }
    }
    return true;
}

} // namespace roachpin::fuzz
