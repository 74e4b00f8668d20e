#include "core/endpoint.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace roachpin {
namespace {

using namespace std::string_view_literals;
using core::endpoint;

TEST(core_endpoint, what_is_read_is_written_in_its_canonical_form) {
    struct row {
        const char* text;
        const char* canonical;
        std::uint16_t port;
    };

    for (const auto& [text, canonical, port] : {
             row{"127.0.0.1:26257", "127.0.0.1:26257", 26257},
             row{"127.0.0.1:0", "127.0.0.1:0", 0},
             row{"127.0.0.1:65535", "127.0.0.1:65535", 65535},
             row{"[::1]:26257", "[::1]:26257", 26257},
             row{"[FD00::0:1]:1", "[fd00::1]:1", 1},
             row{"[::ffff:10.1.2.3]:26257", "10.1.2.3:26257", 26257},
         }) {
        const auto parsed = endpoint::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->to_string(), canonical) << text;
        EXPECT_EQ(parsed->port, port) << text;
        EXPECT_EQ(endpoint::parse(canonical).value(), *parsed) << text;
    }
}

constexpr auto not_endpoints = {
    ""sv,
    ":"sv,
    ":26257"sv,
    "26257"sv,
    "127.0.0.1"sv,
    "127.0.0.1:"sv,
    "127.0.0.1:65536"sv,
    "127.0.0.1:4294993553"sv, // 26257 behind 32 bits
    "127.0.0.1:-1"sv,
    "127.0.0.1:+1"sv,
    "127.0.0.1: 1"sv,
    "127.0.0.1:1 "sv,
    "127.0.0.1:0x1"sv,
    "127.0.0.1:http"sv,
    "127.0.0.1:1:1"sv,
    " 127.0.0.1:1"sv,
    "localhost:26257"sv,
    "[127.0.0.1]:26257"sv,
    "::1"sv,
    "[::1]"sv,
    "[::1]26257"sv,
    "::1:26257"sv,
    "fd00::1:26257"sv,
    "[::1:26257"sv,
    "::1]:26257"sv,
    "[]:26257"sv,
    "[:26257"sv,
    "]:26257"sv,
    "[[::1]]:26257"sv,
    "[::1%lo]:26257"sv,
};

TEST(core_endpoint, other_texts_are_refused) {
    for (const auto text : not_endpoints) {
        const auto parsed = endpoint::parse(text);
        EXPECT_FALSE(parsed) << text;
        EXPECT_TRUE(parsed || parsed.error().sentence.find("127.0.0.1:26257") != std::string::npos)
            << text;
    }
}

TEST(core_endpoint, nothing_may_hide_behind_a_nul) {
    for (const auto text : {"127.0.0.1\0:1"sv, "127.0.0.1:1\0"sv,
                            "127.0.0.1:1\0"
                            "2"sv,
                            "[::1\0]:1"sv, "[::1]\0:1"sv, "[::1]:1\0"sv}) {
        EXPECT_FALSE(endpoint::parse(text)) << testing::PrintToString(text);
        EXPECT_FALSE(core::parse_bind_address(text)) << testing::PrintToString(text);
    }
}

TEST(core_endpoint, a_bind_address_is_an_endpoint_or_a_unix_path) {
    const auto longest = "unix:/" + std::string(106, 'x');
    for (const auto& text :
         {std::string("127.0.0.1:26257"), std::string("[::1]:26257"),
          std::string("unix:/run/roachpin/.s.PGSQL.26257"), std::string("unix:/a b"), longest}) {
        const auto parsed = core::parse_bind_address(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(std::holds_alternative<core::unix_path>(*parsed), text.starts_with("unix:"));
        EXPECT_EQ(core::to_string(*parsed), text);
    }
}

TEST(core_endpoint, other_bind_addresses_are_refused) {
    for (const auto text : not_endpoints) {
        const auto parsed = core::parse_bind_address(text);
        EXPECT_FALSE(parsed) << text;
        EXPECT_TRUE(parsed || parsed.error().sentence.find("unix:/") != std::string::npos) << text;
    }
    const auto too_long = "unix:/" + std::string(107, 'x');
    for (const std::string_view text :
         {"unix:"sv, "unix:run/socket"sv, "unix:./socket"sv, "unix: /socket"sv, "unix:/a\0b"sv,
          "unix:/a\0"sv, "UNIX:/socket"sv, "unix/socket"sv, "/socket"sv,
          std::string_view(too_long)}) {
        EXPECT_FALSE(core::parse_bind_address(text)) << text;
    }
}

TEST(core_endpoint, a_path_that_is_too_long_is_told_how_long_it_may_be) {
    EXPECT_EQ(core::parse_bind_address("unix:/" + std::string(107, 'x')).error().sentence,
              "unix:/" + std::string(107, 'x') + " is 108 octets long; the system allows 107");
}

} // namespace
} // namespace roachpin
