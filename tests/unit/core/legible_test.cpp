#include "core/legible.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using core::legible;

TEST(core_legible, what_people_write_stays_as_it_is) {
    for (const auto* text : {"", "roachpin.yaml", "/home/j\u00fcrgen/\u8a2d\u5b9a.yaml", "\u00a0",
                             "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff", "\\x1b[2J", "a\\b"}) {
        EXPECT_EQ(legible(text), text);
    }
}

TEST(core_legible, nothing_that_moves_a_cursor_is_left) {
    EXPECT_EQ(legible("a\nb\x1b[2J\x7f"), "a\\x0ab\\x1b[2J\\x7f");
    EXPECT_EQ(legible("\u009b2J"), "\\xc2\\x9b2J"); // CSI in one character
    EXPECT_EQ(legible(std::string_view("\0", 1)), "\\x00");
    EXPECT_EQ(legible("\uffff"), "\\xef\\xbf\\xbf");
}

TEST(core_legible, what_is_no_utf_8_becomes_ascii) {
    const auto is_ascii = [](const std::string& text) {
        return text.find_first_not_of("\\x0123456789abcdef") == std::string::npos;
    };
    for (const auto* text : {
             "\xff", "\xf8\x88\x80\x80\x80", "\x80",             // no beginning of anything
             "\xc3", "\xe2\x82", "\xf0\x9f\x92",                 // cut short
             "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",     // longer than need be
             "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", // surrogates, beyond U+10FFFF
         }) {
        EXPECT_PRED1(is_ascii, legible(text));
    }
    EXPECT_EQ(legible("j\xfcrgen"), "j\\xfcrgen"); // Latin-1
    EXPECT_EQ(legible("\xc3(\xc3\xbc"), "\\xc3(\u00fc");
}

} // namespace
} // namespace roachpin
