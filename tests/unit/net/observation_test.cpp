#include "net/observation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using dns::answer_status;
using net::asked;
using net::observe;
using policy::authenticity;
using policy::silence_kind;
using namespace std::chrono_literals;

core::dns_name name(const std::string& text) {
    return core::dns_name::parse(text).value();
}

core::ip_address ip(const std::string& text) {
    return core::ip_address::parse(text).value();
}

asked found(std::vector<core::ip_address> addresses, std::uint32_t ttl = 60,
            authenticity proof = authenticity::unknown) {
    dns::answer answer{.status = answer_status::found, .addresses = std::move(addresses)};
    answer.ttl = ttl;
    return net::validated{std::move(answer), proof, {}};
}

asked denied(answer_status status, std::uint16_t rcode, std::vector<core::dns_name> chain = {}) {
    dns::answer answer{.status = status, .chain = std::move(chain)};
    answer.rcode = rcode;
    return net::validated{std::move(answer), authenticity::unknown, {}};
}

const asked no_data = denied(answer_status::no_data, 0);
const asked gone = denied(answer_status::nx_domain, 3);
const asked broken = denied(answer_status::failed, 2);
const asked silent = net::unanswered{false, "no answer within resolver.timeout"};
const asked garbage = net::unanswered{true, "a pointer leads forward"};

const policy::named_answer& named(const policy::observation& one) {
    return std::get<policy::named_answer>(one.said);
}

const policy::silence& silence(const policy::observation& one) {
    return std::get<policy::silence>(one.said);
}

TEST(net_observation, both_families_are_one_answer) {
    const auto seen = observe(3, {found({ip("10.1.2.3")}, 60), found({ip("fd00::1")}, 30)}, 26257);
    EXPECT_EQ(seen.server, 3U);
    EXPECT_EQ(named(seen).endpoints.size(), 2U);
    EXPECT_EQ(named(seen).endpoints[1].to_string(), "[fd00::1]:26257");
    EXPECT_EQ(named(seen).ttl, 30s);
}

TEST(net_observation, a_family_that_failed_does_not_void_the_other) {
    for (const auto& other : {no_data, gone, broken, silent}) {
        EXPECT_EQ(named(observe(0, {found({ip("10.1.2.3")}), other}, 1)).endpoints.size(), 1U);
        EXPECT_EQ(named(observe(0, {other, found({ip("10.1.2.3")})}, 1)).endpoints.size(), 1U);
    }
}

/// NXDOMAIN is none either: the name is there.
TEST(net_observation, a_family_without_an_answer_is_told) {
    EXPECT_FALSE(observe(0, {found({ip("10.1.2.3")}), no_data}, 1).unanswered.v6);
    EXPECT_FALSE(observe(0, {found({ip("10.1.2.3")}), found({ip("fd00::1")})}, 1).unanswered.v6);
    for (const auto& other : {gone, broken, silent}) {
        const auto v6 = observe(0, {found({ip("10.1.2.3")}), other}, 1).unanswered;
        EXPECT_TRUE(v6.v6 && !v6.v4);
        const auto v4 = observe(0, {other, found({ip("fd00::1")})}, 1).unanswered;
        EXPECT_TRUE(v4.v4 && !v4.v6);
    }
}

TEST(net_observation, an_srv_target_without_an_answer_is_told_and_one_that_is_away_is_not) {
    const dns::answer record{.status = answer_status::found,
                             .services = {{name("a.crdb.test"), 1}, {name("b.crdb.test"), 1}}};
    const auto with = [&](const asked& a, const asked& aaaa) {
        return observe(1,
                       net::inquiry{asked(net::validated{record, authenticity::unknown, {}}),
                                    {{found({ip("10.1.2.3")}), no_data}, {a, aaaa}}},
                       1);
    };
    EXPECT_FALSE(with(no_data, no_data).unanswered.v4);
    EXPECT_FALSE(with(gone, gone).unanswered.v4);
    EXPECT_TRUE(with(silent, silent).unanswered.v4);
    EXPECT_TRUE(with(broken, broken).unanswered.v6);
    EXPECT_TRUE(with(found({ip("10.1.2.4")}), silent).unanswered.v6);
    EXPECT_FALSE(with(found({ip("10.1.2.4")}), silent).unanswered.v4);
    EXPECT_EQ(named(with(silent, silent)).endpoints.size(), 1U);
}

TEST(net_observation, what_is_no_reply_voids_both) {
    const net::name_answers half{found({ip("10.1.2.3")}), garbage};
    const auto seen = observe(0, half, 1);
    ASSERT_TRUE(std::holds_alternative<policy::unusable>(seen.said));
    EXPECT_EQ(std::get<policy::unusable>(seen.said).sentence, "a pointer leads forward");
}

TEST(net_observation, the_worse_proof_counts) {
    const auto proof = [](authenticity a, authenticity b) {
        return named(observe(0, {found({ip("10.1.2.3")}, 1, a), found({ip("fd00::1")}, 1, b)}, 1))
            .proof;
    };
    EXPECT_EQ(proof(authenticity::secure, authenticity::secure), authenticity::secure);
    EXPECT_EQ(proof(authenticity::secure, authenticity::insecure), authenticity::insecure);
    EXPECT_EQ(proof(authenticity::bogus, authenticity::insecure), authenticity::bogus);
    EXPECT_EQ(proof(authenticity::secure, authenticity::bogus), authenticity::bogus);
}

TEST(net_observation, without_an_address_the_plainest_reason_is_told) {
    const auto kind = [](const asked& a, const asked& aaaa) {
        return silence(observe(0, {a, aaaa}, 1)).kind;
    };
    EXPECT_EQ(kind(no_data, no_data), silence_kind::no_data);
    EXPECT_EQ(kind(gone, gone), silence_kind::nx_domain);
    EXPECT_EQ(kind(broken, silent), silence_kind::failed);
    EXPECT_EQ(kind(silent, silent), silence_kind::unreachable);
    EXPECT_EQ(kind(no_data, silent), silence_kind::unreachable); // the other half is not known
    const auto dangling = denied(answer_status::nx_domain, 3, {name("gone.cloud.test")});
    EXPECT_EQ(kind(dangling, dangling), silence_kind::dangling);
    EXPECT_THAT(
        silence(observe(0, {dangling, dangling}, 1)).sentence,
        testing::AllOf(testing::HasSubstr("gone.cloud.test"), testing::HasSubstr("NXDOMAIN")));
}

TEST(net_observation, a_denial_that_is_bogus_is_called_so_and_says_why) {
    asked forged = denied(answer_status::nx_domain, 3, {name("gone.cloud.test")});
    forged->proof = authenticity::bogus;
    forged->why_bogus = "no DNSKEY\n";
    const auto seen = observe(0, {gone, forged}, 1);
    EXPECT_EQ(silence(seen).kind, silence_kind::bogus);
    EXPECT_THAT(silence(seen).sentence, testing::HasSubstr(R"(DNSSEC bogus: no DNSKEY\x0a)"));
    EXPECT_EQ(silence(seen).ttl, 0s); // whoever forged it would choose it
    EXPECT_TRUE(silence(seen).chain.empty());
}

TEST(net_observation, a_denial_keeps_its_aliases_for_the_rules) {
    const auto dangling = denied(answer_status::no_data, 0, {name("db.cloud.test")});
    EXPECT_EQ(silence(observe(0, {dangling, dangling}, 1)).chain,
              std::vector{name("db.cloud.test")});
}

TEST(net_observation, an_srv_record_brings_ports_and_targets) {
    dns::answer record{.status = answer_status::found,
                       .services = {{name("a.crdb.test"), 26257}, {name("b.crdb.test"), 26258}}};
    record.ttl = 10;
    const net::inquiry told{
        asked(net::validated{record, authenticity::unknown, {}}),
        {{found({ip("10.1.2.3")}), no_data}, {found({ip("10.1.2.4")}), no_data}}};
    const auto seen = observe(1, told, 1);
    ASSERT_EQ(named(seen).endpoints.size(), 2U);
    EXPECT_EQ(named(seen).endpoints[1].to_string(), "10.1.2.4:26258");
    EXPECT_EQ(named(seen).targets.size(), 2U);
    EXPECT_EQ(named(seen).ttl, 10s);
}

TEST(net_observation, an_srv_record_that_is_not_there_is_a_silence) {
    EXPECT_EQ(silence(observe(1, net::inquiry{gone, {}}, 1)).kind, silence_kind::nx_domain);
    EXPECT_EQ(silence(observe(1, net::inquiry{silent, {}}, 1)).kind, silence_kind::unreachable);
}

} // namespace
} // namespace roachpin
