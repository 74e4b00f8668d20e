#include "dns/query.hpp"
#include "unit/dns/message_builder.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roachpin {
namespace {

using namespace std::string_literals;
using dns::make_query;
using dns::question;
using dns::record_type;

constexpr std::uint64_t no_bits = 0;
constexpr auto all_bits = ~std::uint64_t{0};

question question_of(std::string_view name, record_type type = record_type::a) {
    return {core::dns_name::parse(name).value(), type};
}

std::string encoded(const dns::query& sent) {
    return std::string(core::as_text(dns::encode(sent)));
}

TEST(dns_query, is_these_octets) {
    const auto sent = make_query(question_of("crdb-0.db"), 0x2a5f, no_bits, false);
    EXPECT_EQ(encoded(sent), "\x2a\x5f\x01\x00"                 // id; RD
                             "\x00\x01\x00\x00\x00\x00\x00\x01" // one question, one additional
                             "\x06"
                             "crdb-0\x02"
                             "db\x00\x00\x01\x00\x01"                          // A, IN
                             "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"s); // OPT, 1232 octets
}

TEST(dns_query, asks_for_authentication_and_never_for_what_failed_it) {
    const auto flags_of = [](bool want_authenticated) {
        return encoded(make_query(question_of("db"), 1, no_bits, want_authenticated)).substr(2, 2);
    };
    EXPECT_EQ(flags_of(false), "\x01\x00"s); // RD
    EXPECT_EQ(flags_of(true), "\x01\x20"s);  // RD, AD; CD would be 0x10
}

TEST(dns_query, has_the_type_that_is_asked_for) {
    for (const auto& [type, number] : {std::pair{record_type::a, test::dns_type::a},
                                       std::pair{record_type::aaaa, test::dns_type::aaaa},
                                       std::pair{record_type::srv, test::dns_type::srv}}) {
        const auto sent = make_query(question_of("db", type), 1, no_bits, false);
        EXPECT_EQ(sent.asked, question_of("db", type));
        EXPECT_EQ(core::as_text(dns::encode_question(sent)), test::question_octets("db", number));
    }
}

TEST(dns_query, is_spelled_as_chance_has_it) {
    struct row {
        std::string name;
        std::uint64_t bits;
        std::string spelled;
    };

    const auto fifty = std::string(50, 'a');
    const auto hundred = fifty + "." + fifty;
    auto hundred_spelled = hundred; // the 65th letter takes bit 0 again
    hundred_spelled.at(0) = hundred_spelled.at(65) = 'A';
    for (const auto& [name, bits, spelled] : {
             row{"crdb-0.db", no_bits, "crdb-0.db"},
             row{"crdb-0.db", all_bits, "CRDB-0.DB"},
             row{"crdb-0.db", 1, "Crdb-0.db"},
             row{"crdb-0.db", 0b10'0010, "cRdb-0.dB"}, // only letters take a bit
             row{"_1-2", all_bits, "_1-2"},
             row{"", all_bits, ""},
             row{"[{@`.az", all_bits, "[{@`.AZ"},
             row{hundred, 1, hundred_spelled},
         }) {
        const auto sent = make_query(question_of(name), 1, bits, false);
        EXPECT_EQ(sent.spelled, spelled);
        EXPECT_EQ(core::as_text(dns::encode_question(sent)),
                  test::question_octets(spelled, test::dns_type::a));
        EXPECT_EQ(sent.asked.name.text(), name);
    }
}

TEST(dns_query, the_longest_name_fits) {
    const auto label = std::string(63, 'a');
    const auto name = label + "." + label + "." + label + "." + label.substr(2);
    const auto sent = make_query(question_of(name), 1, no_bits, false);
    EXPECT_EQ(dns::encode_question(sent).size(), 255U + 4U);
    EXPECT_EQ(encoded(sent).size(), 12U + 255U + 4U + 11U);
}

TEST(dns_query, types_have_their_usual_names) {
    EXPECT_EQ(to_string(record_type::a), "A");
    EXPECT_EQ(to_string(record_type::aaaa), "AAAA");
    EXPECT_EQ(to_string(record_type::cname), "CNAME");
    EXPECT_EQ(to_string(record_type::soa), "SOA");
    EXPECT_EQ(to_string(record_type::srv), "SRV");
    EXPECT_EQ(to_string(record_type::opt), "OPT");
}

} // namespace
} // namespace roachpin
