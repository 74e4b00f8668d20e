#include "core/printable.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace roachpin {
namespace {

using namespace std::string_view_literals;
using core::printable;

TEST(core_printable, what_could_move_a_cursor_or_forge_a_line_is_escaped) {
    struct row {
        std::string_view text;
        std::string_view shown;
    };

    for (const auto& [text, shown] : {
             row{"", ""}, row{"psql", "psql"}, row{" ~!\"'=", " ~!\"'="}, row{"a\nb", "a\\x0ab"},
             row{"a\r\nb", "a\\x0d\\x0ab"}, row{"\x1b[2J", "\\x1b[2J"}, row{"a\0b"sv, "a\\x00b"},
             row{"\x7f", "\\x7f"}, row{"\\x0a", "\\\\x0a"}, row{"b\xc3\xbc", "b\\xc3\\xbc"},
             row{"\xff\xfe", "\\xff\\xfe"}, row{"\xc2\x9b", "\\xc2\\x9b"}, // CSI in UTF-8
         }) {
        EXPECT_EQ(printable(text), shown);
    }
}

/// What `printable` made of an octet, back.
std::string read_back(std::string_view shown) {
    std::string text;
    while (!shown.empty()) {
        std::size_t taken = 1;
        if (!shown.starts_with('\\')) {
            text += shown.front();
        } else if (shown.starts_with("\\\\")) {
            text += '\\';
            taken = 2;
        } else {
            text += static_cast<char>(std::stoi(std::string(shown.substr(2, 2)), nullptr, 16));
            taken = 4;
        }
        shown.remove_prefix(taken);
    }
    return text;
}

TEST(core_printable, every_octet_is_shown_in_ascii_and_can_be_read_back) {
    std::string all;
    for (int octet = 0; octet < 256; ++octet) {
        all += static_cast<char>(octet);
    }
    const auto shown = printable(all);
    for (const char c : shown) {
        EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
    }
    EXPECT_EQ(read_back(shown), all);
}

TEST(core_printable, no_more_is_shown_than_was_asked_for) {
    EXPECT_EQ(printable("abcd", 4), "abcd");
    EXPECT_EQ(printable("abcde", 4), "abcd…");
    EXPECT_EQ(printable("\n\n\n", 2), "\\x0a\\x0a…");
    EXPECT_EQ(printable("a", 0), "…");
    EXPECT_EQ(printable(std::string(256, 'x')), std::string(256, 'x'));
    EXPECT_EQ(printable(std::string(257, 'x')), std::string(256, 'x') + "…");
}

} // namespace
} // namespace roachpin
