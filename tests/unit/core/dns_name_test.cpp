#include "core/dns_name.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace roachpin {
namespace {

using namespace std::string_view_literals;
using core::dns_name;

dns_name name(std::string_view text) {
    return dns_name::parse(text).value();
}

/// "aaa….aaa….…", `size` octets, no label longer than 63.
std::string name_of_size(std::size_t size) {
    std::string text;
    while (text.size() < size) {
        text += text.size() % 64 == 63 ? '.' : 'a';
    }
    return text;
}

TEST(core_dns_name, is_lower_case_and_without_its_trailing_dot) {
    struct row {
        std::string text;
        std::string canonical;
    };

    const auto label = std::string(63, 'x');
    for (const auto& [text, canonical] : {
             row{"", ""},
             row{".", ""},
             row{"internal", "internal"},
             row{"CRDB-0.Db.INTERNAL", "crdb-0.db.internal"},
             row{"crdb-0.db.internal.", "crdb-0.db.internal"},
             row{"_sql._tcp.db.internal", "_sql._tcp.db.internal"},
             row{"*.internal", "*.internal"},
             row{"-a-.b", "-a-.b"},
             row{"10.1.2.3", "10.1.2.3"},
             row{"!#$%&'()+,/:;<=>?@[]^`{|}~", "!#$%&'()+,/:;<=>?@[]^`{|}~"},
             row{label, label},
             row{name_of_size(253), name_of_size(253)},
             row{name_of_size(253) + ".", name_of_size(253)},
         }) {
        const auto parsed = dns_name::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->text(), canonical) << text;
        EXPECT_EQ(name(canonical), *parsed) << text;
    }
}

TEST(core_dns_name, other_texts_are_refused_with_the_reason) {
    struct row {
        std::string text;
        std::string_view reason;
    };

    for (const auto& [text, reason] : {
             row{"..", "it has an empty label"},
             row{".a", "it has an empty label"},
             row{"a..b", "it has an empty label"},
             row{"a..", "it has an empty label"},
             row{std::string(64, 'x'), "it has a label of more than 63 octets"},
             row{"a." + std::string(64, 'x') + ".b", "it has a label of more than 63 octets"},
             row{name_of_size(254), "it is longer than 253 octets"},
             row{name_of_size(254) + ".", "it is longer than 253 octets"},
             row{std::string(70'000, 'x'), "it is longer than 253 octets"},
             row{"a b", "it holds a space, a quote, a backslash or an octet that is not printable "
                        "ASCII"},
         }) {
        const auto parsed = dns_name::parse(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_TRUE(parsed.error().sentence.ends_with(reason)) << parsed.error().sentence;
    }
}

/// A name goes into log lines and reports as it is.
TEST(core_dns_name, every_octet_is_either_harmless_or_refused) {
    for (int octet = 0; octet < 256; ++octet) {
        const std::string text{'a', static_cast<char>(octet), 'b'};
        const bool harmless = octet > 0x20 && octet < 0x7f && octet != '"' && octet != '\\';
        const auto parsed = dns_name::parse(text);
        EXPECT_EQ(parsed.has_value(), harmless) << octet;
        if (parsed) {
            continue;
        }
        for (const char c : parsed.error().sentence) {
            EXPECT_TRUE(c >= 0x20 && c < 0x7f) << octet;
        }
    }
}

TEST(core_dns_name, is_within_by_whole_labels) {
    struct row {
        std::string_view text;
        std::string_view suffix;
        bool within;
    };

    for (const auto& [text, suffix, within] : {
             row{"db.internal", "db.internal", true},
             row{"crdb-0.DB.internal", "db.internal", true},
             row{"a.b.db.internal", "internal", true},
             row{"xdb.internal", "db.internal", false},
             row{"db.internal", "crdb-0.db.internal", false},
             row{"db.internal.evil.example", "db.internal", false},
             row{"internal", "al", false},
             row{"db.internal", "", true},
             row{"", "", true},
             row{"", "internal", false},
         }) {
        EXPECT_EQ(name(text).is_within(name(suffix)), within) << text << " in " << suffix;
    }
}

TEST(core_dns_name, the_parent_lacks_the_leftmost_label) {
    EXPECT_EQ(name("crdb-0.db.internal").parent(), name("db.internal"));
    EXPECT_EQ(name("internal").parent(), name(""));
    EXPECT_EQ(name("").parent(), name(""));
}

TEST(core_dns_name, is_compared_by_its_text) {
    EXPECT_EQ(name("A.b"), name("a.B."));
    EXPECT_NE(name("a.b"), name("ab"));
    EXPECT_LT(name("a"), name("b"));
}

} // namespace
} // namespace roachpin
