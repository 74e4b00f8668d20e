#include "unit/dns/answers.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using dns::record_type;
using test::a_record;
using test::aaaa_record;
using test::address_of;
using test::alias;
using test::asked_name;
using test::denied;
using test::read;
using test::reply_with;
using test::srv_record;

namespace dns_type = test::dns_type;

/// What is wrong with a reply of these records.
std::string refusal_of(std::vector<std::string> answers, unsigned rcode = 0) {
    auto message = reply_with(std::move(answers));
    message.flags |= rcode;
    const auto said = read(message);
    return said ? "accepted" : said.error().sentence;
}

TEST(dns_answer_refusal, what_is_not_one_chain_from_the_question_is_refused) {
    struct row {
        const char* what;
        std::vector<std::string> answers;
        std::string sentence;
    };

    const auto& host = test::host;
    for (const auto& [what, answers, sentence] : {
             row{"an alias of itself",
                 {alias(host, host)},
                 "the alias crdb-0.db.internal leads back to crdb-0.db.internal"},
             row{"a loop",
                 {alias(host, "a"), alias("a", host)},
                 "the alias a leads back to crdb-0.db.internal"},
             row{"a loop further on",
                 {alias(host, "a"), alias("a", "b"), alias("b", "a")},
                 "the alias b leads back to a"},
             row{"a loop of the last",
                 {alias(host, "a"), alias("a", "a")},
                 "the alias a leads back to a"},
             row{"a fork",
                 {alias(host, "a"), alias(host, "b"), address_of("a", 3)},
                 "crdb-0.db.internal has more than one CNAME record"},
             row{"the same alias twice",
                 {alias(host, "a"), alias(host, "a"), address_of("a", 3)},
                 "crdb-0.db.internal has more than one CNAME record"},
             row{"a fork further on",
                 {alias(host, "a"), alias("a", "b"), alias("a", "c")},
                 "a has more than one CNAME record"},
             row{"an alias and an address",
                 {alias(host, "a"), a_record(asked_name, 3)},
                 "a record of crdb-0.db.internal was not asked for: the question led to a"},
             row{"another name's address",
                 {a_record(asked_name, 3), address_of("evil", 66)},
                 "a record of evil was not asked for: the question led to crdb-0.db.internal"},
             row{"an address of a name below",
                 {address_of("x.crdb-0.db.internal", 66)},
                 "a record of x.crdb-0.db.internal was not asked for: the question led to "
                 "crdb-0.db.internal"},
             row{"an address on the way",
                 {alias(host, "a"), alias("a", "b"), address_of("a", 66)},
                 "a record of a was not asked for: the question led to b"},
             row{"another name's alias",
                 {a_record(asked_name, 3), alias("evil", "a")},
                 "an alias of evil was not asked for"},
             row{"a chain with a gap",
                 {alias(host, "a"), alias("b", "c"), address_of("c", 66)},
                 "an alias of b was not asked for"},
             row{"an alias to the asked name",
                 {alias("evil", host), a_record(asked_name, 3)},
                 "an alias of evil was not asked for"},
             row{"the other family",
                 {a_record(asked_name, 3), aaaa_record(asked_name, 3)},
                 "crdb-0.db.internal has a record of another type than A"},
             row{"a service",
                 {srv_record(asked_name, 0, 0, 1, asked_name)},
                 "crdb-0.db.internal has a record of another type than A"},
         }) {
        EXPECT_EQ(refusal_of(answers), sentence) << what;
        EXPECT_EQ(refusal_of(answers, denied), sentence) << what;
    }
}

TEST(dns_answer_refusal, an_ipv4_address_is_no_answer_of_another_type) {
    for (const auto& [type, asked] : {std::pair{dns_type::aaaa, record_type::aaaa},
                                      std::pair{dns_type::srv, record_type::srv}}) {
        auto message = test::reply_of(test::host, type);
        message.answers = {a_record(asked_name, 3)};
        EXPECT_FALSE(read(message, test::query_of(test::host, asked))) << type;
    }
}

TEST(dns_answer_refusal, more_than_16_aliases) {
    EXPECT_EQ(refusal_of(test::aliases(16)), "accepted");
    EXPECT_EQ(refusal_of(test::aliases(17)),
              "crdb-0.db.internal leads through more than 16 aliases");
}

TEST(dns_answer_refusal, a_denial_with_data_contradicts_itself) {
    EXPECT_EQ(refusal_of({a_record(asked_name, 3)}, denied),
              "the reply denies crdb-0.db.internal and has records of it");
    EXPECT_EQ(refusal_of({alias(test::host, "a"), address_of("a", 3)}, denied),
              "the reply denies a and has records of it");
}

TEST(dns_answer_refusal, nothing_is_concluded_from_part_of_a_reply) {
    auto message = reply_with({a_record(asked_name, 3)});
    message.flags |= test::dns_flag::truncated;
    const auto said = read(message);
    ASSERT_FALSE(said);
    EXPECT_EQ(said.error().sentence, "the reply is only part of one");
}

} // namespace
} // namespace roachpin
