#include "unit/dns/replies.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::string_literals;
using dns::record_type;
using dns::reply;
using test::a_record;
using test::asked_name;
using test::dns_message;
using test::dns_name_octets;
using test::extended_error_option;
using test::opt_record;
using test::query_of;
using test::record;
using test::reply_with;
using test::root;
using test::verdict_on;

namespace dns_flag = test::dns_flag;
namespace dns_type = test::dns_type;

core::dns_name name(std::string_view text) {
    return core::dns_name::parse(text).value();
}

core::ip_address address(std::string_view text) {
    return core::ip_address::parse(text).value();
}

/// An empty reply, where it was refused.
reply parse(std::string_view octets, const dns::query& sent) {
    auto parsed = dns::parse_reply(core::as_bytes(octets), sent);
    EXPECT_TRUE(parsed) << parsed.error().sentence;
    return parsed ? std::move(*parsed) : reply{};
}

reply parse(const dns_message& message) {
    return parse(message.octets(), query_of(test::host));
}

TEST(dns_reply, what_resolvers_send_is_accepted) {
    for (const auto& [what, sent, octets] : test::real_replies()) {
        EXPECT_EQ(verdict_on(octets, sent), "accepted") << what;
    }
}

TEST(dns_reply, addresses_aliases_and_services_are_read) {
    const auto addresses = parse(reply_with({a_record(asked_name, 3, 60), a_record(root, 4, 90)}));
    ASSERT_EQ(addresses.answers.size(), 2U);
    EXPECT_EQ(addresses.answers[0].owner, name("crdb-0.db.internal"));
    EXPECT_EQ(addresses.answers[0].ttl, 60U);
    EXPECT_EQ(std::get<core::ip_address>(addresses.answers[0].data), address("10.1.2.3"));
    EXPECT_EQ(addresses.answers[1].owner,
              name("")); // `read_answer` finds that it is not on the way

    const auto other = parse(reply_with(
        {test::aaaa_record(asked_name, 3),
         test::cname_record(asked_name, test::dns_labels("Node-7") + test::pointer_to(19)),
         test::srv_record(asked_name, 1, 2, 26257, dns_name_octets("n1.internal"))}));
    ASSERT_EQ(other.answers.size(), 3U);
    EXPECT_EQ(std::get<core::ip_address>(other.answers[0].data), address("fd00::3"));
    EXPECT_EQ(std::get<core::dns_name>(other.answers[1].data), name("node-7.db.internal"));
    EXPECT_EQ(std::get<dns::service>(other.answers[2].data),
              (dns::service{name("n1.internal"), 26257, 1, 2}));
}

TEST(dns_reply, records_of_other_types_are_skipped) {
    const auto parsed = parse(reply_with(
        {record(asked_name, dns_type::rrsig, 60, "signature"),
         record(asked_name, dns_type::dname, 60, "\xff"), record(asked_name, dns_type::soa, 60, ""),
         record(asked_name, 65'535, 60, ""), a_record(asked_name, 3)}));
    ASSERT_EQ(parsed.answers.size(), 1U);
    EXPECT_EQ(std::get<core::ip_address>(parsed.answers[0].data), address("10.1.2.3"));
}

/// What nobody asked for is the oldest way into a cache.
TEST(dns_reply, addresses_outside_the_answer_section_are_nobodys_answer) {
    auto message = reply_with({});
    message.authorities = {a_record(asked_name, 66), test::cname_record(asked_name, asked_name)};
    message.additional = {a_record(asked_name, 66), record(asked_name, dns_type::a, 1, "12345")};
    EXPECT_TRUE(parse(message).answers.empty());
}

TEST(dns_reply, a_ttl_with_its_top_bit_set_is_0) {
    for (const auto& [sent, read] :
         {std::pair{0U, 0U}, std::pair{1U, 1U}, std::pair{0x7fffffffU, 0x7fffffffU},
          std::pair{0x80000000U, 0U}, std::pair{0xffffffffU, 0U}}) {
        EXPECT_EQ(parse(reply_with({a_record(asked_name, 3, sent)})).answers.at(0).ttl, read);
    }
}

TEST(dns_reply, flags_say_truncated_and_authenticated) {
    auto message = reply_with({});
    EXPECT_FALSE(parse(message).truncated);
    EXPECT_FALSE(parse(message).authenticated);
    message.flags = dns_flag::reply | dns_flag::truncated;
    EXPECT_TRUE(parse(message).truncated);
    EXPECT_FALSE(parse(message).authenticated);
    message.flags = dns_flag::reply | dns_flag::authenticated;
    EXPECT_FALSE(parse(message).truncated);
    EXPECT_TRUE(parse(message).authenticated);
}

TEST(dns_reply, the_rcode_has_upper_bits_in_the_opt_record) {
    auto message = reply_with({});
    message.flags |= 7;
    EXPECT_EQ(parse(message).rcode, 7);
    message.additional = {opt_record("", 1)};
    EXPECT_EQ(parse(message).rcode, 23); // BADCOOKIE
    message.additional = {opt_record("", 0xff)};
    EXPECT_EQ(parse(message).rcode, 4087);
    message.flags = dns_flag::reply;
    message.additional = {opt_record("", 1)};
    EXPECT_EQ(parse(message).rcode, 16); // BADVERS
}

TEST(dns_reply, the_first_extended_error_is_kept_and_its_text_printable) {
    struct row {
        const char* what;
        std::string options;
        std::optional<dns::extended_error> expected;
    };

    const auto cookie = test::dns_option(10, "\x01\x02\x03\x04\x05\x06\x07\x08");
    for (const auto& [what, options, expected] : {
             row{"no options", "", std::nullopt},
             row{"another option", cookie, std::nullopt},
             row{"an empty option", test::dns_option(65'535, ""), std::nullopt},
             row{"without text", extended_error_option(6, ""), {{6, ""}}},
             row{"with text", extended_error_option(9, "DNSKEY Missing"), {{9, "DNSKEY Missing"}}},
             row{"behind another", cookie + extended_error_option(22, "x"), {{22, "x"}}},
             row{"before another", extended_error_option(22, "x") + cookie, {{22, "x"}}},
             row{"two", extended_error_option(1, "a") + extended_error_option(2, "b"), {{1, "a"}}},
             row{"the highest code", extended_error_option(0xffff, ""), {{0xffff, ""}}},
             row{"ended by a zero", extended_error_option(6, "x\0"s), {{6, "x"}}},
             row{"nothing but a zero", extended_error_option(6, "\0"s), {{6, ""}}},
             row{"of two zeros one is text", extended_error_option(6, "\0\0"s), {{6, "\\x00"}}},
             row{"control characters",
                 extended_error_option(6, "a\r\nlevel=info\x1b[2J\\"),
                 {{6, "a\\x0d\\x0alevel=info\\x1b[2J\\\\"}}},
             row{"a long text",
                 extended_error_option(6, std::string(9'000, 'x')),
                 {{6, std::string(256, 'x') + "…"}}},
         }) {
        auto message = reply_with({});
        message.additional = {opt_record(options)};
        EXPECT_EQ(parse(message).extended, expected) << what;
    }
}

TEST(dns_reply, a_denial_lasts_as_long_as_the_least_of_its_soa) {
    constexpr auto top_bit = 0x80000000U;
    for (const auto& [ttl, minimum, expected] :
         {std::tuple{900U, 30U, 30U}, std::tuple{30U, 900U, 30U}, std::tuple{0U, 5U, 0U},
          std::tuple{5U, top_bit, 0U}, std::tuple{top_bit, 5U, 0U}}) {
        auto message = reply_with({});
        message.authorities = {test::soa_record(root, ttl, minimum)};
        EXPECT_EQ(parse(message).negative_ttl, expected);
    }
    auto message = reply_with({test::soa_record(root, 1, 1)}); // in the wrong section
    EXPECT_EQ(parse(message).negative_ttl, std::nullopt);
    message.authorities = {test::soa_record(root, 60, 50), test::soa_record(root, 40, 70)};
    EXPECT_EQ(parse(message).negative_ttl, 40U);
}

TEST(dns_reply, the_question_is_compared_to_the_letter) {
    const auto sent = dns::make_query({name(test::host), record_type::a}, 0x2a5f, 0b1011, false);
    ASSERT_EQ(sent.spelled, "CRdB-0.db.internal");
    const auto verdict = [&](const std::string& question) {
        dns_message message;
        message.questions = {question};
        return verdict_on(message.octets(), sent);
    };
    using test::question_octets;
    EXPECT_EQ(verdict(question_octets(sent.spelled, dns_type::a)), "accepted");
    for (const auto& other : {
             question_octets("crdb-0.db.internal", dns_type::a),
             question_octets("CRdB-0.db.internaL", dns_type::a),
             question_octets("CRdB-1.db.internal", dns_type::a),
             question_octets("db.internal", dns_type::a),
             question_octets("x.CRdB-0.db.internal", dns_type::a),
             question_octets("", dns_type::a),
             question_octets(sent.spelled, dns_type::aaaa),
             question_octets(sent.spelled, dns_type::a, 3),
             // The same text, of other labels.
             test::dns_label("CRdB-0.db") + dns_name_octets("internal") + "\0\1\0\1"s,
             test::dns_label(sent.spelled) + "\0\0\1\0\1"s,
             test::dns_label("\0 \"\\"s) + "\0\0\1\0\1"s,
         }) {
        EXPECT_EQ(verdict(other), "other_question") << testing::PrintToString(other);
    }
    EXPECT_EQ(verdict(test::pointer_to(12) + "\0\1\0\1"s), "malformed");
}

TEST(dns_reply, owners_are_compared_in_any_case) {
    const auto parsed = parse(reply_with({a_record(dns_name_octets("CRDB-0.DB.INTERNAL"), 3)}));
    EXPECT_EQ(parsed.answers.at(0).owner, name(test::host));
}

TEST(dns_reply, the_id_is_compared_unless_the_carrier_did) {
    auto message = reply_with({});
    message.id = 0x2a5e;
    const auto sent = query_of(test::host);
    EXPECT_EQ(verdict_on(message.octets(), sent, true), "other_id");
    EXPECT_EQ(verdict_on(message.octets(), sent, false), "accepted");
    message.questions = {test::question_octets("other.internal", dns_type::a)};
    EXPECT_EQ(verdict_on(message.octets(), sent, true), "other_id");
    EXPECT_EQ(verdict_on(message.octets(), sent, false), "other_question");
}

TEST(dns_reply, a_query_and_another_opcode_are_no_reply) {
    auto message = reply_with({});
    message.flags = 0x0100;
    EXPECT_EQ(verdict_on(message), "not_a_reply");
    for (unsigned opcode = 1; opcode < 16; ++opcode) {
        message.flags = dns_flag::reply | opcode << 11;
        EXPECT_EQ(verdict_on(message), "not_a_reply") << opcode;
    }
    EXPECT_EQ(verdict_on(core::as_text(dns::encode(query_of(test::host))), query_of(test::host)),
              "not_a_reply");
}

TEST(dns_reply, a_failure_needs_no_question_and_anything_else_does) {
    for (unsigned rcode = 0; rcode < 16; ++rcode) {
        dns_message message;
        message.flags |= rcode;
        const bool denial = rcode == 0 || rcode == 3;
        ASSERT_EQ(verdict_on(message), denial ? "malformed" : "accepted") << rcode;
        if (!denial) {
            EXPECT_EQ(parse(message).rcode, rcode);
        }
        message.additional = {opt_record()};
        EXPECT_EQ(verdict_on(message), "malformed") << rcode;
    }
    dns_message message;
    message.flags |= 1;
    message.id = 1;
    EXPECT_EQ(verdict_on(message), "other_id");
    EXPECT_EQ(verdict_on(message.octets(), query_of(test::host), false), "accepted");
}

TEST(dns_reply, faults_have_names) {
    EXPECT_EQ(to_string(dns::reply_fault::malformed), "malformed");
    EXPECT_EQ(to_string(dns::reply_fault::not_a_reply), "not_a_reply");
    EXPECT_EQ(to_string(dns::reply_fault::other_id), "other_id");
    EXPECT_EQ(to_string(dns::reply_fault::other_question), "other_question");
}

} // namespace
} // namespace roachpin
