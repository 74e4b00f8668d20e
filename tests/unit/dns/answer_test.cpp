#include "unit/dns/answers.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace roachpin {
namespace {

using dns::answer_status;
using dns::record_type;
using test::a_record;
using test::aaaa_record;
using test::address_of;
using test::addresses;
using test::alias;
using test::asked_name;
using test::denied;
using test::dns_name_octets;
using test::names;
using test::read;
using test::reply_with;
using test::srv_record;
using test::texts;

namespace dns_type = test::dns_type;

TEST(dns_answer, addresses_are_sorted_and_each_is_there_once) {
    const auto said = read(reply_with(
        {a_record(asked_name, 4, 60), a_record(asked_name, 3, 30), a_record(asked_name, 4, 90)}));
    ASSERT_TRUE(said) << said.error().sentence;
    EXPECT_EQ(said->status, answer_status::found);
    EXPECT_EQ(texts(said->addresses), (addresses{"10.1.2.3", "10.1.2.4"}));
    EXPECT_EQ(said->ttl, 30U);
    EXPECT_TRUE(said->chain.empty());
    EXPECT_TRUE(said->services.empty());
    EXPECT_EQ(said->rcode, 0);
    EXPECT_FALSE(said->authenticated);
    EXPECT_FALSE(said->extended);
}

/// That they are too many is the policy's to say.
TEST(dns_answer, as_many_addresses_as_fit_into_a_message_are_read) {
    constexpr unsigned number = 4'090;
    auto message = reply_with({});
    for (unsigned i = 0; i < number; ++i) {
        message.answers.push_back(
            test::record(asked_name, dns_type::a, 60, test::dns_uint32(0x0a00'0000U + i)));
    }
    EXPECT_GT(message.octets().size(), 65'400U);
    const auto said = read(message);
    ASSERT_TRUE(said) << said.error().sentence;
    EXPECT_EQ(said->addresses.size(), number);
    EXPECT_EQ(said->addresses.back().to_string(), "10.0.15.249");
}

TEST(dns_answer, addresses_of_ipv6) {
    auto message = test::reply_of(test::host, dns_type::aaaa);
    message.answers = {aaaa_record(asked_name, 4), aaaa_record(asked_name, 3)};
    message.flags |= test::dns_flag::authenticated;
    const auto said = read(message, test::query_of(test::host, record_type::aaaa));
    ASSERT_TRUE(said) << said.error().sentence;
    EXPECT_EQ(texts(said->addresses), (addresses{"fd00::3", "fd00::4"}));
    EXPECT_TRUE(said->authenticated);
}

TEST(dns_answer, services_stay_in_order) {
    const auto* name = "_sql._tcp.db.internal";
    auto message = test::reply_of(name, dns_type::srv);
    message.answers = {srv_record(asked_name, 2, 0, 26258, dns_name_octets("n2.internal"), 60),
                       srv_record(asked_name, 1, 5, 26257, dns_name_octets("n1.internal"), 40)};
    const auto said = read(message, test::query_of(name, record_type::srv));
    ASSERT_TRUE(said) << said.error().sentence;
    EXPECT_EQ(said->status, answer_status::found);
    EXPECT_EQ(said->ttl, 40U);
    const auto targets = names({"n2.internal", "n1.internal"});
    EXPECT_EQ(said->services,
              (std::vector<dns::service>{{targets[0], 26258, 2, 0}, {targets[1], 26257, 1, 5}}));
}

/// RFC 2782: "the service is decidedly not available".
TEST(dns_answer, a_single_service_at_the_root_is_none) {
    auto message = test::reply_of(test::host, dns_type::srv);
    message.answers = {srv_record(asked_name, 0, 0, 0, test::root, 60)};
    const auto sent = test::query_of(test::host, record_type::srv);
    const auto said = read(message, sent);
    ASSERT_TRUE(said) << said.error().sentence;
    EXPECT_EQ(said->status, answer_status::no_data);
    EXPECT_TRUE(said->services.empty());
    EXPECT_EQ(said->ttl, 60U);

    message.answers.push_back(srv_record(asked_name, 0, 0, 1, dns_name_octets("n1")));
    EXPECT_EQ(read(message, sent)->services.size(), 2U);
}

TEST(dns_answer, aliases_are_followed_in_whatever_order_they_come) {
    for (const unsigned count : {1U, 2U, 3U, 16U}) {
        auto records = test::aliases(count);
        const auto end = "n" + std::to_string(count);
        records.push_back(address_of(end, 3));
        for (int order = 0; order < 2; ++order) {
            const auto said = read(reply_with(records));
            ASSERT_TRUE(said) << said.error().sentence;
            EXPECT_EQ(said->status, answer_status::found);
            ASSERT_EQ(said->chain.size(), count);
            EXPECT_EQ(said->chain.front().text(), "n1");
            EXPECT_EQ(said->chain.back().text(), end);
            EXPECT_EQ(texts(said->addresses), (addresses{"10.1.2.3"}));
            std::reverse(records.begin(), records.end());
        }
    }
}

TEST(dns_answer, a_short_lived_alias_shortens_the_answers_life) {
    const auto said =
        read(reply_with({alias(test::host, "a", 100), alias("a", "b", 20), address_of("b", 3)}));
    ASSERT_TRUE(said) << said.error().sentence;
    EXPECT_EQ(said->chain, names({"a", "b"}));
    EXPECT_EQ(said->ttl, 20U);
}

TEST(dns_answer, names_are_compared_in_any_case) {
    const auto said =
        read(reply_with({alias("CRDB-0.db.INTERNAL", "Node"), address_of("nODE", 3)}));
    ASSERT_TRUE(said) << said.error().sentence;
    EXPECT_EQ(said->chain, names({"node"}));
}

/// `ttl` of the alias and of the SOA → of the denial.
TEST(dns_answer, a_denial_has_its_chain_and_its_time) {
    struct row {
        const char* what;
        unsigned rcode;
        std::vector<std::string> answers;
        std::vector<std::string> authorities;
        answer_status status;
        std::vector<core::dns_name> chain;
        std::uint32_t ttl;
    };

    using enum answer_status;
    const auto soa = test::soa_record(dns_name_octets("internal"), 900, 30);
    const auto signature = test::record(asked_name, dns_type::rrsig, 5, "…");
    for (const auto& [what, rcode, answers, authorities, status, chain, ttl] : {
             row{"no data", 0, {}, {soa}, no_data, {}, 30},
             row{"no data, and no SOA", 0, {}, {}, no_data, {}, 0},
             row{"no data but a signature", 0, {signature}, {soa}, no_data, {}, 30},
             row{"no data behind an alias",
                 0,
                 {alias(test::host, "a")},
                 {soa},
                 no_data,
                 names({"a"}),
                 30},
             row{"no such name", denied, {}, {soa}, nx_domain, {}, 30},
             row{"no such name, and no SOA", denied, {}, {}, nx_domain, {}, 0},
             row{"a dangling alias",
                 denied,
                 {alias(test::host, "a", 60)},
                 {soa},
                 nx_domain,
                 names({"a"}),
                 30},
             row{"a short-lived dangling alias",
                 denied,
                 {alias(test::host, "a", 7), alias("a", "b")},
                 {soa},
                 nx_domain,
                 names({"a", "b"}),
                 7},
         }) {
        auto message = reply_with(answers);
        message.authorities = authorities;
        message.flags |= rcode | test::dns_flag::authenticated;
        const auto said = read(message);
        ASSERT_TRUE(said) << what << ": " << said.error().sentence;
        EXPECT_EQ(said->status, status) << what;
        EXPECT_EQ(said->chain, chain) << what;
        EXPECT_EQ(said->ttl, ttl) << what;
        EXPECT_EQ(said->rcode, rcode) << what;
        EXPECT_TRUE(said->addresses.empty()) << what;
        EXPECT_TRUE(said->authenticated) << what;
    }
}

TEST(dns_answer, a_failure_has_a_reason_and_no_data) {
    for (const unsigned rcode : {1U, 2U, 4U, 5U, 6U, 15U}) {
        auto message = reply_with({alias(test::host, "a"), address_of("b", 66)});
        message.flags |= rcode;
        message.additional = {
            test::opt_record(test::extended_error_option(6, "signature crypto failed"))};
        const auto said = read(message);
        ASSERT_TRUE(said) << said.error().sentence;
        EXPECT_EQ(said->status, answer_status::failed);
        EXPECT_EQ(said->rcode, rcode);
        EXPECT_EQ(said->extended, (dns::extended_error{6, "signature crypto failed"}));
        EXPECT_TRUE(said->chain.empty());
        EXPECT_TRUE(said->addresses.empty());
        EXPECT_EQ(said->ttl, 0U);
    }
    // NOERROR and NXDOMAIN are not what they seem where EDNS has more of the rcode.
    for (const unsigned lower : {0U, denied}) {
        auto message = reply_with({a_record(asked_name, 3)});
        message.flags |= lower;
        message.additional = {test::opt_record("", 1)};
        const auto said = read(message);
        ASSERT_TRUE(said) << said.error().sentence;
        EXPECT_EQ(said->status, answer_status::failed);
        EXPECT_EQ(said->rcode, 16U + lower);
        EXPECT_TRUE(said->addresses.empty());
    }
}

} // namespace
} // namespace roachpin
