#include "core/host_name.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace roachpin {
namespace {

using namespace std::string_view_literals;
using core::host_name;

/// "aaa….aaa….…", `size` octets, no label longer than 63.
std::string name_of_size(std::size_t size) {
    std::string name;
    while (name.size() < size) {
        name += name.size() % 64 == 63 ? '.' : 'a';
    }
    return name;
}

TEST(core_host_name, a_name_is_lower_case_and_without_its_trailing_dot) {
    struct row {
        std::string text;
        std::string canonical;
    };

    const auto label = std::string(63, 'x');
    for (const auto& [text, canonical] : {
             row{"localhost", "localhost"},
             row{"crdb-0.crdb.internal", "crdb-0.crdb.internal"},
             row{"CRDB-0.Crdb.INTERNAL", "crdb-0.crdb.internal"},
             row{"crdb.internal.", "crdb.internal"},
             row{"a", "a"},
             row{"1a", "1a"},
             row{"3com.com", "3com.com"},
             row{"1.2.3.a4", "1.2.3.a4"},
             row{"_crdb._tcp.internal", "_crdb._tcp.internal"},
             row{"a--b", "a--b"},
             row{"xn--bcher-kva.example", "xn--bcher-kva.example"},
             row{label, label},
             row{name_of_size(253), name_of_size(253)},
             row{name_of_size(253) + ".", name_of_size(253)},
         }) {
        const auto parsed = host_name::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->text(), canonical) << text;
        EXPECT_FALSE(parsed->ip()) << text;
    }
}

TEST(core_host_name, an_address_is_kept_as_one_in_its_canonical_form) {
    struct row {
        const char* text;
        const char* canonical;
    };

    for (const auto& [text, canonical] : {
             row{"10.1.2.3", "10.1.2.3"},
             row{"FD00::0:1", "fd00::1"},
             row{"::ffff:10.1.2.3", "10.1.2.3"},
         }) {
        const auto parsed = host_name::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->text(), canonical) << text;
        ASSERT_TRUE(parsed->ip()) << text;
        EXPECT_EQ(parsed->ip()->to_string(), canonical) << text;
    }
}

TEST(core_host_name, other_texts_are_refused) {
    for (const auto text : {
             ""sv,
             "."sv,
             ".."sv,
             ".crdb"sv,
             "crdb.."sv,
             "crdb..internal"sv,
             "-crdb"sv,
             "crdb-"sv,
             "crdb.-internal"sv,
             "crdb-.internal"sv,
             "crdb internal"sv,
             " crdb"sv,
             "crdb\n"sv,
             "*.crdb.internal"sv,
             "c*.internal"sv,
             "crdb:26257"sv,
             "crdb/internal"sv,
             "user@crdb"sv,
             "b\xc3\xbc"
             "cher.example"sv,
             "[::1]"sv,
             "::1%lo"sv,
             // An address that was written wrongly must not become a name.
             "123"sv,
             "10.1.2"sv,
             "10.1.2.3."sv,
             "1.2.3.400"sv,
             "1.2.3.4.5"sv,
             "010.1.2.3"sv,
             "crdb.123"sv,
         }) {
        EXPECT_FALSE(host_name::parse(text)) << text;
    }
}

TEST(core_host_name, nothing_may_hide_behind_a_nul) {
    for (const auto text :
         {"crdb\0"sv, "crdb\0.evil"sv, "\0"sv, "10.1.2.3\0"sv, "10.1.2.3\0.evil"sv, "::1\0"sv}) {
        EXPECT_FALSE(host_name::parse(text)) << testing::PrintToString(text);
    }
}

TEST(core_host_name, lengths_are_those_of_the_dns) {
    EXPECT_FALSE(host_name::parse(std::string(64, 'x')));
    EXPECT_FALSE(host_name::parse("a." + std::string(64, 'x')));
    EXPECT_FALSE(host_name::parse(std::string(64, 'x') + ".a"));
    EXPECT_FALSE(host_name::parse(name_of_size(254)));
    EXPECT_FALSE(host_name::parse(name_of_size(254) + "."));
}

TEST(core_host_name, spellings_of_one_host_are_equal) {
    EXPECT_EQ(host_name::parse("CRDB.internal.").value(),
              host_name::parse("crdb.internal").value());
    EXPECT_EQ(host_name::parse("::ffff:10.1.2.3").value(), host_name::parse("10.1.2.3").value());
    EXPECT_NE(host_name::parse("crdb").value(), host_name::parse("crdb.internal").value());
    EXPECT_LT(host_name::parse("a").value(), host_name::parse("b").value());
}

} // namespace
} // namespace roachpin
