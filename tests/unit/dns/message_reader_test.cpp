#include "dns/message_reader.hpp"
#include "unit/dns/message_builder.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roachpin {
namespace {

using namespace std::string_literals;
using dns::message_reader;
using test::dns_label;
using test::dns_labels;
using test::dns_name_octets;
using test::pointer_to;
using test::root;

const std::string header(12, '\0');

/// What the name at `at` reads as, or what is wrong with it.
std::string name_at(std::size_t at, const std::string& message) {
    message_reader in(core::as_bytes(message));
    in.take(at);
    const auto name = in.take_name();
    EXPECT_EQ(name.has_value(), !in.refused());
    return name ? name->text() : "refused: " + in.refusal();
}

std::string name_in(const std::string& octets) {
    return name_at(12, header + octets);
}

bool is_refused(const std::string& read) {
    return read.starts_with("refused: ");
}

TEST(dns_message_reader, reads_numbers_in_network_order) {
    message_reader in(core::as_bytes("\x01\x02\x03\x84\x05\x06\x87tail"));
    EXPECT_EQ(in.take_uint8(), 0x01);
    EXPECT_EQ(in.take_uint16(), 0x0203);
    EXPECT_EQ(in.take_uint32(), 0x84050687U);
    EXPECT_EQ(in.position(), 7U);
    EXPECT_EQ(in.left(), 4U);
    EXPECT_EQ(core::as_text(in.take(4)), "tail");
    EXPECT_FALSE(in.refused());
}

TEST(dns_message_reader, keeps_the_first_thing_that_is_wrong_and_reads_nothing_after_it) {
    message_reader in(core::as_bytes("\x01\x02\x03"));
    EXPECT_EQ(in.take_uint32(), 0U);
    EXPECT_EQ(in.refusal(), "the message ends early, at octet 3");
    EXPECT_EQ(in.left(), 0U);
    EXPECT_EQ(in.take_uint8(), 0);
    EXPECT_EQ(in.take_uint16(), 0);
    EXPECT_TRUE(in.take(0).empty());
    EXPECT_TRUE(in.take_labels().empty());
    EXPECT_FALSE(in.take_name());
    in.refuse("something else");
    EXPECT_EQ(in.refusal(), "the message ends early, at octet 3");
}

TEST(dns_message_reader, a_name_is_lower_case_and_the_root_is_empty) {
    EXPECT_EQ(name_in(dns_name_octets("CRDB-0.db.Internal")), "crdb-0.db.internal");
    EXPECT_EQ(name_in(root), "");
}

TEST(dns_message_reader, labels_come_in_whatever_octets_they_hold) {
    const auto message = dns_label("a.b") + dns_label("\0 \xff"s) + root + "tail";
    message_reader in(core::as_bytes(message));
    EXPECT_EQ(in.take_labels(), (std::vector<std::string_view>{"a.b", {"\0 \xff", 3}}));
    EXPECT_EQ(in.left(), 4U);
}

/// A dot is the worst of them: "a.b" of one label would pass for a name below "b".
TEST(dns_message_reader, a_name_whose_text_would_not_be_plain_is_refused) {
    for (const auto& label : {"a.b"s, "."s, "a\0b"s, "\0"s, "a\"b"s, "a\\b"s, "a b"s, "a\nb"s,
                              "a\x7f"s, "a\xff"s, "\xc3\xbc"s}) {
        EXPECT_TRUE(is_refused(name_in(dns_label(label) + root))) << testing::PrintToString(label);
        EXPECT_TRUE(is_refused(name_in(dns_labels("ok") + dns_label(label) + root)));
    }
}

TEST(dns_message_reader, a_label_has_up_to_63_octets) {
    const auto longest = std::string(63, 'x');
    EXPECT_EQ(name_in(dns_name_octets(longest)), longest);
    // 64 is the first of the values that are neither a length nor a pointer, 0xbf the last.
    for (const unsigned first : {0x40U, 0x41U, 0x7fU, 0x80U, 0xbfU}) {
        EXPECT_EQ(name_in(test::dns_uint8(first) + std::string(255, 'x') + root),
                  "refused: a label begins with octet " + std::to_string(first) +
                      ", which is neither a length nor a compression pointer");
    }
}

TEST(dns_message_reader, a_name_has_up_to_255_octets_however_it_is_written) {
    const auto label = dns_label(std::string(63, 'x'));
    const auto three = label + label + label;
    const auto longest = three + dns_label(std::string(61, 'y')) + root;
    ASSERT_EQ(longest.size(), 255U);
    EXPECT_EQ(name_in(longest).size(), 253U);
    const auto too_long = "refused: a name is longer than 255 octets"s;
    EXPECT_EQ(name_in(three + dns_label(std::string(62, 'y')) + root), too_long);

    // The same by way of a pointer to the three labels' name.
    const auto at = 12 + 192 + 1;
    EXPECT_EQ(name_at(at, header + three + root + dns_label(std::string(61, 'y')) + pointer_to(12)),
              std::string(61, 'y') + "." + name_in(three + root));
    EXPECT_EQ(name_at(at, header + three + root + dns_label(std::string(62, 'y')) + pointer_to(12)),
              too_long);
}

TEST(dns_message_reader, a_pointer_continues_the_name_and_reading_goes_on_behind_it) {
    const auto message =
        header + dns_name_octets("db.internal") + dns_label("crdb-0") + pointer_to(12) + "tail";
    message_reader in(core::as_bytes(message));
    in.take(12 + 13);
    EXPECT_EQ(in.take_name().value().text(), "crdb-0.db.internal");
    EXPECT_EQ(core::as_text(in.take(4)), "tail");
    // Into the midst of a name, and to its end.
    EXPECT_EQ(name_at(25, header + dns_name_octets("db.internal") + pointer_to(15)), "internal");
    EXPECT_EQ(name_at(25, header + dns_name_octets("db.internal") + pointer_to(24)), "");
}

TEST(dns_message_reader, a_pointer_leads_nowhere_but_before_its_name) {
    struct row {
        const char* what;
        std::string octets; ///< from octet 12 on, where the name is
        unsigned target;
    };

    for (const auto& [what, octets, target] : {
             row{"to itself", pointer_to(12), 12},
             row{"to its own name", dns_label("a") + pointer_to(12), 12},
             row{"to itself, behind a label", dns_label("a") + pointer_to(14), 14},
             row{"to the octet behind it", pointer_to(14) + root, 14},
             row{"to a name behind it", pointer_to(14) + dns_name_octets("a"), 14},
             row{"behind the message", pointer_to(0x3fff), 0x3fff},
             row{"into the header", pointer_to(11), 11},
             row{"to the message's start", pointer_to(0), 0},
         }) {
        EXPECT_EQ(name_in(octets), "refused: a compression pointer leads to octet " +
                                       std::to_string(target) +
                                       ", which is not before the name it is in")
            << what;
    }
    // Two that lead to each other, from either of them.
    EXPECT_TRUE(is_refused(name_at(12, header + pointer_to(14) + pointer_to(12))));
    EXPECT_TRUE(is_refused(name_at(14, header + pointer_to(14) + pointer_to(12))));
    // The second pointer leads into the run of labels that the first one led to.
    EXPECT_TRUE(is_refused(name_at(16, header + dns_label("a") + pointer_to(12) + pointer_to(12))));
}

TEST(dns_message_reader, a_name_takes_32_pointers_and_no_more) {
    auto message = header + root;
    auto previous = 12U;
    for (unsigned pointers = 1; pointers <= 40; ++pointers) {
        const auto at = static_cast<unsigned>(message.size());
        message += pointer_to(previous);
        previous = at;
        EXPECT_EQ(name_at(at, message),
                  pointers <= 32 ? "" : "refused: a name has more than 32 compression pointers");
    }
}

TEST(dns_message_reader, every_prefix_of_a_name_is_refused) {
    const auto whole = header + dns_name_octets("db.internal") + dns_label("a") + pointer_to(12);
    for (std::size_t size = 12; size < whole.size(); ++size) {
        const auto at = size < 25 ? std::size_t{12} : std::size_t{25};
        EXPECT_EQ(name_at(at, whole.substr(0, size)),
                  "refused: the message ends early, at octet " + std::to_string(size));
    }
}

} // namespace
} // namespace roachpin
