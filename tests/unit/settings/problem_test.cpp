#include "settings/problem.hpp"

#include <gtest/gtest.h>

namespace roachpin::settings {
namespace {

TEST(settings_problem, is_one_line_of_text_whatever_is_in_the_file) {
    const problem one{{"j\xfcrgen.yaml", 3, "a\nb"}, "\"\xc2\x9b[2J\x1b\" and \xc3\xbc"};
    EXPECT_EQ(one.to_string(), "j\\xfcrgen.yaml:3: a\\x0ab: \"\\xc2\\x9b[2J\\x1b\" and \xc3\xbc");
}

TEST(settings_problem, keeps_the_beginning_and_the_end_of_what_is_long) {
    const std::string value(1'000'000, 'x');
    const problem one{{"x.yaml", 1, value}, "\"" + value + "\" is no port; write 1 to 65535"};
    const auto text = one.to_string();
    EXPECT_TRUE(text.starts_with("x.yaml:1: xxx")) << text;
    EXPECT_TRUE(text.ends_with("xxx\" is no port; write 1 to 65535")) << text;
    EXPECT_LT(text.size(), 2100U);
}

TEST(settings_problem, cuts_between_characters) {
    for (std::size_t before = 0; before < 4; ++before) {
        std::string value(before, 'x');
        for (int count = 0; count < 1000; ++count) {
            value += "\u00fc\u8a2d\U00010000";
        }
        const auto text = problem{{"x.yaml", 1, ""}, value}.to_string();
        EXPECT_EQ(text.find('\\'), std::string::npos) << text;
        EXPECT_NE(text.find("…"), std::string::npos) << text;
    }
}

} // namespace
} // namespace roachpin::settings
