#include "core/ip_address.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace roachpin {
namespace {

using namespace std::string_view_literals;
using core::cidr;
using core::ip_address;
using family = ip_address::family;

ip_address address(std::string_view text) {
    return ip_address::parse(text).value();
}

TEST(core_ip_address, what_is_read_is_written_in_its_canonical_form) {
    struct row {
        std::string_view text;
        family kind;
        std::string_view canonical;
    };

    for (const auto& [text, kind, canonical] : {
             row{"0.0.0.0", family::v4, "0.0.0.0"},
             row{"10.1.2.3", family::v4, "10.1.2.3"},
             row{"255.255.255.255", family::v4, "255.255.255.255"},
             row{"::", family::v6, "::"},
             row{"::1", family::v6, "::1"},
             row{"fd00::1", family::v6, "fd00::1"},
             row{"FD00::ABCD", family::v6, "fd00::abcd"},
             row{"fd00:0:0:0:0:0:0:1", family::v6, "fd00::1"},
             row{"2001:0db8::0001", family::v6, "2001:db8::1"},
             row{"1:2:3:4:5:6:7:8", family::v6, "1:2:3:4:5:6:7:8"},
             row{"::ffff:10.1.2.3", family::v4, "10.1.2.3"},
             row{"::FFFF:10.1.2.3", family::v4, "10.1.2.3"},
             row{"::ffff:0a01:0203", family::v4, "10.1.2.3"},
             row{"0:0:0:0:0:ffff:a01:203", family::v4, "10.1.2.3"},
             row{"::ffff:0:0", family::v4, "0.0.0.0"},
             // Only the mapped form stands for an IPv4 address.
             row{"::10.1.2.3", family::v6, "::10.1.2.3"},
             row{"::fffe:10.1.2.3", family::v6, "::fffe:a01:203"},
             row{"::ffff:0:10.1.2.3", family::v6, "::ffff:0:a01:203"},
             row{"64:ff9b::10.1.2.3", family::v6, "64:ff9b::a01:203"},
         }) {
        const auto parsed = ip_address::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->kind(), kind) << text;
        EXPECT_EQ(parsed->is_v4(), kind == family::v4) << text;
        EXPECT_EQ(parsed->bits(), kind == family::v4 ? 32U : 128U) << text;
        EXPECT_EQ(parsed->to_string(), canonical) << text;
        EXPECT_EQ(address(canonical), *parsed) << text;
    }
}

TEST(core_ip_address, other_spellings_are_refused) {
    for (const auto text : {
             ""sv,
             " "sv,
             "10"sv,
             "10.1.2"sv,
             "10.1.2."sv,
             "10..2.3"sv,
             ".10.1.2.3"sv,
             "10.1.2.3.4"sv,
             "10.1.2.256"sv,
             "10.1.2.-3"sv,
             "+10.1.2.3"sv,
             "010.1.2.3"sv, // octal to some readers, decimal to others
             "10.1.2.03"sv,
             "10.1.2.00"sv,
             "0x0a.1.2.3"sv,
             "0x0a010203"sv,
             "167838211"sv,
             " 10.1.2.3"sv,
             "10.1.2.3 "sv,
             "10.1.2.3\n"sv,
             "10.1.2.3:26257"sv,
             "10.1.2.3/32"sv,
             ":"sv,
             ":::"sv,
             "1:2:3:4:5:6:7"sv,
             "1:2:3:4:5:6:7:8:9"sv,
             "1::2::3"sv,
             "12345::"sv,
             "g::1"sv,
             "[::1]"sv,
             "::1%lo"sv,
             "fe80::1%eth0"sv,
             "fe80::1%1"sv,
             "::1/128"sv,
             "::ffff:10.1.2.256"sv,
             "::ffff:010.1.2.3"sv,
             "::ffff:10.1.2"sv,
             "localhost"sv,
             "crdb.internal"sv,
             "１０.1.2.3"sv,
         }) {
        const auto parsed = ip_address::parse(text);
        EXPECT_FALSE(parsed) << text;
        EXPECT_TRUE(parsed || parsed.error().sentence.find(text) != std::string::npos) << text;
    }
}

/// The C library would read no further, and the rest would be there all the same for who looks.
TEST(core_ip_address, nothing_may_hide_behind_a_nul) {
    for (const auto text : {"\0"sv,
                            "\0"
                            "10.1.2.3"sv,
                            "10.1.2.3\0"sv, "10.1.2.3\0.evil"sv, "10.1.2.3\0/8"sv, "::1\0"sv,
                            "::1\0%lo"sv, "::ffff:10.1.2.3\0"sv}) {
        EXPECT_FALSE(ip_address::parse(text)) << testing::PrintToString(text);
    }
}

TEST(core_ip_address, octets_are_in_network_order) {
    const auto four = ip_address::v4({10, 1, 2, 3});
    EXPECT_EQ(four.to_string(), "10.1.2.3");
    EXPECT_EQ(four, address("10.1.2.3"));
    EXPECT_EQ(four.octets()[0], 10);
    EXPECT_EQ(four.octets()[3], 3);

    const auto six = ip_address::v6({0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
    EXPECT_EQ(six.to_string(), "fd00:1::2");
    EXPECT_EQ(six, address("fd00:1::2"));
    EXPECT_EQ(six.octets()[15], 2);

    const auto mapped = ip_address::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3});
    EXPECT_EQ(mapped, four);
}

TEST(core_ip_address, a_mapped_address_is_the_one_it_stands_for_in_every_comparison) {
    EXPECT_EQ(address("::ffff:10.1.2.3"), address("10.1.2.3"));
    EXPECT_NE(address("::10.1.2.3"), address("10.1.2.3"));
    EXPECT_NE(address("::"), address("0.0.0.0"));
    EXPECT_LT(address("10.1.2.3"), address("10.1.2.4"));
}

TEST(core_ip_address, loopback_and_unspecified) {
    struct row {
        const char* text;
        bool loopback;
        bool unspecified;
    };

    for (const auto& [text, loopback, unspecified] : {
             row{"127.0.0.1", true, false},
             row{"127.0.0.0", true, false},
             row{"127.255.255.255", true, false},
             row{"126.255.255.255", false, false},
             row{"128.0.0.1", false, false},
             row{"::1", true, false},
             row{"::2", false, false},
             row{"1::1", false, false},
             row{"::1:1", false, false},
             row{"::ffff:127.0.0.1", true, false},
             row{"::127.0.0.1", false, false},
             row{"0.0.0.0", false, true},
             row{"0.0.0.1", false, false},
             row{"::", false, true},
             row{"::ffff:0.0.0.0", false, true},
         }) {
        EXPECT_EQ(address(text).is_loopback(), loopback) << text;
        EXPECT_EQ(address(text).is_unspecified(), unspecified) << text;
    }
}

TEST(core_cidr, what_is_read_is_written_in_its_canonical_form) {
    struct row {
        const char* text;
        const char* canonical;
    };

    for (const auto& [text, canonical] : {
             row{"10.1.0.0/16", "10.1.0.0/16"},
             row{"0.0.0.0/0", "0.0.0.0/0"},
             row{"128.0.0.0/1", "128.0.0.0/1"},
             row{"10.1.2.3/32", "10.1.2.3/32"},
             row{"10.1.2.3", "10.1.2.3/32"},
             row{"10.1.2.2/31", "10.1.2.2/31"},
             row{"::/0", "::/0"},
             row{"8000::/1", "8000::/1"},
             row{"FD00:1::/64", "fd00:1::/64"},
             row{"::1/128", "::1/128"},
             row{"::1", "::1/128"},
             row{"::ffff:10.1.2.3", "10.1.2.3/32"},
         }) {
        const auto parsed = cidr::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->to_string(), canonical) << text;
        EXPECT_EQ(cidr::parse(canonical).value(), *parsed) << text;
    }
}

TEST(core_cidr, other_spellings_are_refused) {
    for (const auto text : {
             ""sv,
             "/"sv,
             "/8"sv,
             "10.1.0.0/"sv,
             "10.1.0.0/33"sv,
             "10.1.0.0/-1"sv,
             "10.1.0.0/+8"sv,
             "10.1.0.0/ 8"sv,
             "10.1.0.0/8 "sv,
             "10.1.0.0/0x8"sv,
             "10.1.0.0/1e1"sv,
             "10.1.0.0/16/16"sv,
             "10.1.0.0/255.255.0.0"sv,
             "10.1.0.0/4294967312"sv, // 16 behind 32 bits
             "10.1/16"sv,
             "010.1.0.0/16"sv,
             "fd00::/129"sv,
             "fd00::%1/64"sv,
             "crdb.internal/16"sv,
             // Bits behind the prefix: the author meant another network.
             "10.1.0.1/16"sv,
             "10.1.128.0/16"sv,
             "10.1.2.3/31"sv,
             "10.0.0.0/0"sv,
             "0.0.0.1/0"sv,
             "fd00::1/64"sv,
             "fd00:0:0:0:8000::/64"sv,
             "::1/127"sv,
             "::1/0"sv,
         }) {
        EXPECT_FALSE(cidr::parse(text)) << text;
    }
}

TEST(core_cidr, nothing_may_hide_behind_a_nul) {
    for (const auto text : {"10.1.0.0\0/16"sv, "10.1.0.0/16\0"sv,
                            "10.1.0.0/1\0"
                            "6"sv,
                            "fd00::\0/64"sv, "10.1.2.3\0"sv}) {
        EXPECT_FALSE(cidr::parse(text)) << testing::PrintToString(text);
    }
}

TEST(core_cidr, an_error_says_which_mistake_it_was) {
    EXPECT_EQ(cidr::parse("10.1.0.0/33").error().sentence,
              "\"10.1.0.0/33\": the prefix length must be 0 to 32");
    EXPECT_EQ(cidr::parse("fd00::/129").error().sentence,
              "\"fd00::/129\": the prefix length must be 0 to 128");
    EXPECT_EQ(cidr::parse("10.1.0.1/16").error().sentence,
              "\"10.1.0.1/16\" has bits set behind its prefix; write the network's own address");
}

TEST(core_cidr, contains_its_first_and_last_address_and_not_their_neighbours) {
    struct row {
        const char* network;
        const char* candidate;
        bool inside;
    };

    for (const auto& [network, candidate, inside] : {
             row{"10.1.0.0/16", "10.0.255.255", false},
             row{"10.1.0.0/16", "10.1.0.0", true},
             row{"10.1.0.0/16", "10.1.255.255", true},
             row{"10.1.0.0/16", "10.2.0.0", false},
             row{"10.1.2.128/25", "10.1.2.127", false},
             row{"10.1.2.128/25", "10.1.2.128", true},
             row{"10.1.2.128/25", "10.1.2.255", true},
             row{"10.1.2.128/25", "10.1.3.0", false},
             row{"10.1.2.3", "10.1.2.2", false},
             row{"10.1.2.3", "10.1.2.3", true},
             row{"10.1.2.3", "10.1.2.4", false},
             row{"128.0.0.0/1", "127.255.255.255", false},
             row{"128.0.0.0/1", "255.255.255.255", true},
             row{"0.0.0.0/0", "0.0.0.0", true},
             row{"0.0.0.0/0", "255.255.255.255", true},
             row{"fc00::/7", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
             row{"fc00::/7", "fc00::", true},
             row{"fc00::/7", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
             row{"fc00::/7", "fe00::", false},
             row{"fd00:1::/64", "fd00:0:ffff:ffff:ffff:ffff:ffff:ffff", false},
             row{"fd00:1::/64", "fd00:1::ffff:ffff:ffff:ffff", true},
             row{"fd00:1::/64", "fd00:1:0:1::", false},
             row{"::1", "::1", true},
             row{"::1", "::", false},
             row{"::/0", "ffff::", true},
             // A family is never inside the other, whatever the prefix; a mapped address is IPv4.
             row{"0.0.0.0/0", "::", false},
             row{"::/0", "10.1.2.3", false},
             row{"::/0", "::ffff:10.1.2.3", false},
             row{"10.1.0.0/16", "::ffff:10.1.2.3", true},
             row{"10.1.0.0/16", "::10.1.2.3", false},
         }) {
        EXPECT_EQ(cidr::parse(network).value().contains(address(candidate)), inside)
            << candidate << " in " << network;
    }
}

/// `from` with one bit turned, counted from the left.
ip_address with_bit_turned(const ip_address& from, unsigned bit) {
    auto octets = from.octets();
    octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] ^ (0x80U >> bit % 8));
    if (!from.is_v4()) {
        return ip_address::v6(octets);
    }
    return ip_address::v4({octets[0], octets[1], octets[2], octets[3]});
}

TEST(core_cidr, every_bit_of_the_prefix_counts_and_none_behind_it) {
    for (const auto* base : {"0.0.0.0", "::"}) {
        for (unsigned prefix = 0; prefix <= address(base).bits(); ++prefix) {
            const auto network = cidr::parse(base + ("/" + std::to_string(prefix))).value();
            EXPECT_EQ(network.prefix(), prefix);
            EXPECT_TRUE(network.contains(network.network()));
            for (unsigned bit = 0; bit < address(base).bits(); ++bit) {
                EXPECT_EQ(network.contains(with_bit_turned(network.network(), bit)), bit >= prefix)
                    << network.to_string() << ", bit " << bit;
            }
        }
    }
}

} // namespace
} // namespace roachpin
