#include "settings/values.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using std::nullopt;

template <class T>
std::optional<T> value_of(const core::result<T>& result) {
    return result ? std::optional<T>(*result) : nullopt;
}

TEST(settings_values, duration) {
    using row = std::pair<const char*, std::optional<core::duration>>;
    for (const auto& [text, expected] : {
             row{"0", 0ms},
             row{"0s", 0ms},
             row{"250ms", 250ms},
             row{"5s", 5s},
             row{"2m", 2min},
             row{"24h", 24h},
             row{"007s", 7s},
             row{"8760h", 8760h},
             row{"8761h", nullopt},
             row{"1d", nullopt},
             row{"5", nullopt},
             row{"", nullopt},
             row{"s", nullopt},
             row{"-1s", nullopt},
             row{"+1s", nullopt},
             row{"1 s", nullopt},
             row{"1.5s", nullopt},
             row{"1S", nullopt},
             row{" 1s", nullopt},
             row{"1m30s", nullopt},
             row{"18446744073709551616ms", nullopt},
             row{"00", nullopt},
             row{"9223372036854775807h", nullopt},
         }) {
        EXPECT_EQ(value_of(settings::parse_duration(text)), expected) << text;
    }
}

TEST(settings_values, positive_duration_is_not_zero) {
    EXPECT_EQ(value_of(settings::parse_positive_duration("1ms")), 1ms);
    EXPECT_EQ(value_of(settings::parse_positive_duration("0")), nullopt);
    EXPECT_EQ(value_of(settings::parse_positive_duration("0h")), nullopt);
}

TEST(settings_values, keepalive_duration_is_what_the_kernel_takes) {
    EXPECT_EQ(value_of(settings::parse_keepalive_duration("1s")), 1s);
    EXPECT_EQ(value_of(settings::parse_keepalive_duration("2000ms")), 2s);
    EXPECT_EQ(value_of(settings::parse_keepalive_duration("32767s")), 32767s);
    EXPECT_EQ(value_of(settings::parse_keepalive_duration("32768s")), nullopt);
    EXPECT_EQ(value_of(settings::parse_keepalive_duration("999ms")), nullopt);
    EXPECT_EQ(value_of(settings::parse_keepalive_duration("1001ms")), nullopt);
    EXPECT_EQ(value_of(settings::parse_keepalive_duration("0s")), nullopt);
}

TEST(settings_values, boolean_has_one_spelling_each) {
    EXPECT_EQ(value_of(settings::parse_boolean("true")), true);
    EXPECT_EQ(value_of(settings::parse_boolean("false")), false);
    for (const auto* text : {"", "yes", "no", "on", "True", "TRUE", "1", "0"}) {
        EXPECT_EQ(value_of(settings::parse_boolean(text)), nullopt) << text;
    }
}

TEST(settings_values, percentage_is_whole_and_has_its_sign) {
    const auto parse = [](const char* text) {
        return settings::parse_percentage(text, 50);
    };
    EXPECT_EQ(value_of(parse("0%")), 0U);
    EXPECT_EQ(value_of(parse("10%")), 10U);
    EXPECT_EQ(value_of(parse("50%")), 50U);
    for (const auto* text : {"", "%", "10", "51%", "-1%", "+1%", "1.5%", "10 %", " 10%", "10%%",
                             "0.1", "18446744073709551617%"}) {
        EXPECT_EQ(value_of(parse(text)), nullopt) << text;
    }
}

TEST(settings_values, date_is_a_day_there_is) {
    for (const auto* text : {"2026-11-22", "2028-02-29", "0001-01-01", "9999-12-31"}) {
        const auto date = settings::parse_date(text);
        ASSERT_TRUE(date) << text;
        EXPECT_EQ(settings::to_text(*date), text);
    }
    for (const auto* text : {"", "2026-11-31", "2027-02-29", "2026-00-01", "2026-13-01", "2026-1-1",
                             "26-11-22", "2026/11/22", "2026-11-22 ", "2026-11-22T00:00:00Z",
                             "+026-11-22", "22.11.2026", "2026-11-00"}) {
        EXPECT_FALSE(settings::parse_date(text)) << text;
    }
}

TEST(settings_values, file_mode_is_permission_bits_in_octal) {
    EXPECT_EQ(value_of(settings::parse_file_mode("0660")), mode_t{0660});
    EXPECT_EQ(value_of(settings::parse_file_mode("600")), mode_t{0600});
    EXPECT_EQ(value_of(settings::parse_file_mode("0000")), mode_t{0});
    for (const auto* text : {"", "0", "66", "00660", "0680", "1777", "0o660", "rw-", "-660"}) {
        EXPECT_EQ(value_of(settings::parse_file_mode(text)), nullopt) << text;
    }
}

TEST(settings_values, integer_is_digits_within_its_range) {
    const settings::between<std::uint16_t> port{1, 65535};
    EXPECT_EQ(value_of(port("1")), 1);
    EXPECT_EQ(value_of(port("65535")), 65535);
    EXPECT_EQ(value_of(port("00080")), 80);
    for (const auto* text :
         {"", "0", "65536", "-1", "+1", "0x1", "1e3", "1.0", " 1", "1 ", "18446744073709551617"}) {
        EXPECT_EQ(value_of(port(text)), nullopt) << text;
    }
}

TEST(settings_values, one_of_names_the_choices) {
    const settings::one_of<int> choice{{{"one", 1}, {"two", 2}, {"three", 3}}};
    EXPECT_EQ(value_of(choice("two")), 2);
    const auto refused = choice("Two");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sentence,
              "\"Two\" is not a value of this key; write one, two or three");
}

} // namespace
} // namespace roachpin
