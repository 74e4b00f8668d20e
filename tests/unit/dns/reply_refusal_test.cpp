#include "unit/dns/replies.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::string_literals;
using test::a_record;
using test::asked_name;
using test::dns_label;
using test::dns_message;
using test::dns_name_octets;
using test::opt_record;
using test::query_of;
using test::record;
using test::record_head;
using test::reply_with;
using test::root;
using test::verdict_on;

namespace dns_type = test::dns_type;

/// What is said of octets that are malformed; what they are, where they are not.
std::string sentence_on(std::string_view octets) {
    const auto parsed = dns::parse_reply(core::as_bytes(octets), query_of(test::host));
    if (!parsed && parsed.error().fault == dns::reply_fault::malformed) {
        return parsed.error().sentence;
    }
    return parsed ? "accepted" : std::string(to_string(parsed.error().fault));
}

constexpr auto unended = "a record's data does not end where its length says";

TEST(dns_reply_refusal, data_of_another_size_than_its_type_has) {
    struct row {
        const char* what;
        std::string answer;
        std::string sentence;
    };

    const auto four = "\x0a\x01\x02\x03"s;
    const auto mapped = std::string(10, '\0') + "\xff\xff" + four;
    const auto of_type = [](unsigned type, const std::string& data) {
        return record(asked_name, type, 60, data);
    };
    for (const auto& [what, answer, sentence] : {
             row{"A of 0", of_type(dns_type::a, ""), "an address record has 0 octets of data"},
             row{"A of 3", of_type(dns_type::a, "123"), "an address record has 3 octets of data"},
             row{"A of 5", of_type(dns_type::a, "12345"), "an address record has 5 octets of data"},
             row{"A of 16", of_type(dns_type::a, std::string(16, '\0')),
                 "an address record has 16 octets of data"},
             row{"AAAA of 4", of_type(dns_type::aaaa, four),
                 "an address record has 4 octets of data"},
             row{"AAAA of 17", of_type(dns_type::aaaa, std::string(17, '\0')),
                 "an address record has 17 octets of data"},
             row{"AAAA, mapped", of_type(dns_type::aaaa, mapped),
                 "an AAAA record holds 10.1.2.3, mapped"},
             row{"CNAME and more", of_type(dns_type::cname, dns_name_octets("a") + "x"), unended},
             row{"CNAME of nothing", of_type(dns_type::cname, "") + root, unended},
             row{"CNAME that goes on", // its last octet is behind its end
                 record_head(asked_name, dns_type::cname, 60, 2) + dns_name_octets("a"), unended},
             row{"SRV and more", test::srv_record(asked_name, 1, 2, 3, dns_name_octets("a") + "x"),
                 unended},
             row{"SRV without a target", test::srv_record(asked_name, 1, 2, 3, "") + root, unended},
             row{"SRV of 4", of_type(dns_type::srv, "1234") + "56" + root, unended},
         }) {
        EXPECT_EQ(sentence_on(reply_with({answer}).octets()), sentence) << what;
    }
}

TEST(dns_reply_refusal, a_soa_record_that_is_not_one) {
    const auto names = dns_name_octets("ns1") + dns_name_octets("admin");
    for (const auto& data : {""s, root, names, names + std::string(19, '\0'),
                             names + std::string(21, '\0'), dns_name_octets("ns1") + "\xc0\xff"s}) {
        auto message = reply_with({});
        message.authorities = {record(asked_name, dns_type::soa, 60, data)};
        EXPECT_EQ(verdict_on(message), "malformed") << data.size();
    }
}

TEST(dns_reply_refusal, records_of_another_class_in_any_section) {
    for (const unsigned other : {0U, 2U, 3U, 4U, 254U, 255U, 0x8001U}) {
        const auto answer = record(asked_name, dns_type::a, 60, "1234", other);
        const auto unknown = record(asked_name, dns_type::txt, 60, "", other);
        for (auto section :
             {&dns_message::answers, &dns_message::authorities, &dns_message::additional}) {
            for (const auto& one : {answer, unknown}) {
                auto message = reply_with({});
                message.*section = {one};
                EXPECT_EQ(verdict_on(message), "malformed") << other;
            }
        }
    }
}

TEST(dns_reply_refusal, opt_records_where_none_or_no_other_belongs) {
    auto message = reply_with({opt_record()});
    EXPECT_EQ(sentence_on(message.octets()), "the answer section has an OPT record");
    message = reply_with({});
    message.authorities = {opt_record()};
    EXPECT_EQ(sentence_on(message.octets()), "the authority section has an OPT record");
    message = reply_with({});
    message.additional = {opt_record(), opt_record()};
    EXPECT_EQ(sentence_on(message.octets()), "the reply has a second OPT record");
    message.additional = {opt_record(), a_record(asked_name, 1), opt_record()};
    EXPECT_EQ(sentence_on(message.octets()), "the reply has a second OPT record");
    message.additional = {record(asked_name, dns_type::opt, 0, "", 1232)};
    EXPECT_EQ(sentence_on(message.octets()), "the OPT record's owner is not the root");
}

TEST(dns_reply_refusal, options_that_do_not_fill_their_record) {
    for (const auto& options : {
             "\0"s,
             "\0\x0a\0"s,
             "\0\x0a\0\1"s,
             test::dns_option(10, "12345678") + "\0"s,
             test::dns_option(15, ""),
             test::dns_option(15, "\0"s),
             "\0\x0f\0\3\0\1"s,
             "\0\x0f\xff\xff\0\1text"s,
         }) {
        auto message = reply_with({});
        message.additional = {opt_record(options)};
        EXPECT_EQ(verdict_on(message), "malformed") << testing::PrintToString(options);
        // The same with octets behind it that an option could reach for.
        message.additional.push_back(a_record(asked_name, 1));
        EXPECT_EQ(verdict_on(message), "malformed") << testing::PrintToString(options);
    }
}

TEST(dns_reply_refusal, more_than_4096_records_in_a_section) {
    const auto smallest = record(root, dns_type::txt, 60, "");
    for (auto section :
         {&dns_message::answers, &dns_message::authorities, &dns_message::additional}) {
        auto message = reply_with({});
        (message.*section).assign(4096, smallest);
        EXPECT_EQ(verdict_on(message), "accepted");
        (message.*section).push_back(smallest);
        EXPECT_EQ(sentence_on(message.octets()),
                  "the reply has a section of more than 4096 records");
    }
}

TEST(dns_reply_refusal, counts_that_are_not_what_is_there) {
    const auto whole = reply_with({a_record(asked_name, 3), a_record(asked_name, 4)}).octets();
    for (std::size_t at = 4; at < 12; at += 2) {
        for (unsigned count = 0; count < 70; ++count) {
            auto octets = whole;
            octets.replace(at, 2, test::dns_uint16(count));
            const bool right = octets == whole;
            EXPECT_EQ(verdict_on(octets, query_of(test::host)), right ? "accepted" : "malformed")
                << at << ", " << count;
        }
    }
    EXPECT_EQ(sentence_on(whole + "\0"s), "1 octets follow the last record");
    auto two_questions = reply_with({});
    two_questions.questions.push_back(two_questions.questions[0]);
    EXPECT_EQ(sentence_on(two_questions.octets()), "the reply has 2 questions");
}

/// Not even where nothing is done with them.
TEST(dns_reply_refusal, names_that_are_none_in_any_section) {
    for (const auto& owner :
         {dns_label("a.b") + root, dns_label("a\nb") + root, dns_label("a\0"s) + root,
          dns_label("a\"") + root, dns_label("a\\") + root, dns_label("a b") + root, "\xc0\x0b"s,
          "\xff\xff"s, "\x40"s + std::string(64, 'x') + root}) {
        for (auto section :
             {&dns_message::answers, &dns_message::authorities, &dns_message::additional}) {
            auto message = reply_with({});
            message.*section = {record(owner, dns_type::txt, 60, "")};
            EXPECT_EQ(verdict_on(message), "malformed") << testing::PrintToString(owner);
        }
        EXPECT_EQ(verdict_on(reply_with({test::cname_record(asked_name, owner)})), "malformed");
        EXPECT_EQ(verdict_on(reply_with({test::srv_record(asked_name, 1, 2, 3, owner)})),
                  "malformed");
    }
}

TEST(dns_reply_refusal, a_message_longer_than_messages_are) {
    auto message = reply_with({});
    message.additional = {record(asked_name, dns_type::txt, 60, std::string(65'000, 'x'))};
    const auto room = 65'535 - message.octets().size();
    message.additional.push_back(record(root, dns_type::txt, 60, std::string(room - 11, 'x')));
    ASSERT_EQ(message.octets().size(), 65'535U);
    EXPECT_EQ(verdict_on(message), "accepted");
    message.additional.back() = record(root, dns_type::txt, 60, std::string(room - 10, 'x'));
    EXPECT_EQ(sentence_on(message.octets()), "the reply is longer than a message may be");
}

/// A few thousand records, each of whose names would be a long way to walk: refused at the first
/// chain that is too long.
TEST(dns_reply_refusal, a_pointer_chain_bomb_is_refused) {
    std::string chain = root;
    auto end = 36U;
    while (chain.size() < 15'000) {
        const auto at = 36 + static_cast<unsigned>(chain.size());
        chain += test::pointer_to(end);
        end = at;
    }
    auto message = reply_with({record(asked_name, dns_type::txt, 60, chain)});
    message.answers.resize(3'000, a_record(test::pointer_to(end), 1));
    EXPECT_EQ(verdict_on(message), "malformed");
}

/// The same where no name breaks a rule: each of as many as fit is the longest there is.
TEST(dns_reply_refusal, as_many_long_names_as_fit_are_read) {
    std::string labels;
    while (labels.size() < 254) {
        labels += dns_label("x");
    }
    auto message = reply_with({record(labels + root, dns_type::txt, 60, "")});
    const auto again = test::pointer_to(12 + static_cast<unsigned>(message.questions[0].size()));
    message.answers.resize(4'096, test::cname_record(again, again));
    EXPECT_EQ(verdict_on(message), "accepted");
}

TEST(dns_reply_refusal, sentences_are_printable) {
    for (int octet = 0; octet < 256; ++octet) {
        const auto label = "a" + std::string(1, static_cast<char>(octet));
        for (const char c :
             sentence_on(reply_with({a_record(dns_label(label) + root, 1)}).octets())) {
            ASSERT_TRUE(c >= 0x20 && c < 0x7f) << octet;
        }
    }
}

} // namespace
} // namespace roachpin
