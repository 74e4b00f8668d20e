#include "app/observed_lock.hpp"
#include "unit/settings/sample_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using app::observed_node;
using app::observed_peer;
using app::to_lock;
using settings::lock_file;
using test::day;
using test::pin;
using testing::ElementsAre;

const auto noon = std::chrono::sys_days(day(2026, 11, 22)) + std::chrono::hours(12);

core::host_name host(const std::string& text = "crdb.internal") {
    return core::host_name::parse(text).value();
}

std::vector<core::dns_name> chain(const std::vector<std::string>& names) {
    std::vector<core::dns_name> made;
    for (const auto& name : names) {
        made.push_back(core::dns_name::parse(name).value());
    }
    return made;
}

/// A peer whose leaf's key is pin(leaf), and whose certificate ends on `ends`.
observed_peer peer(const std::string& address, std::uint8_t leaf,
                   std::vector<core::spki_pin> issuers = {pin(100)},
                   std::chrono::year_month_day ends = day(2027, 1, 30)) {
    return {core::ip_address::parse(address).value(),
            {host(), "CN=node", "CN=ca", pin(leaf),
             std::chrono::sys_days(ends) + std::chrono::hours(23), "TLSv1.3", std::move(issuers)}};
}

lock_file locked(const std::vector<observed_node>& seen, const lock_file& old = {}) {
    auto made = to_lock(seen, old, noon);
    EXPECT_TRUE(made);
    return made ? *made : lock_file{};
}

TEST(app_observed_lock, holds_what_was_seen_as_sets) {
    const auto lock = locked({{host(),
                               {chain({"gw.crdb.internal"}), chain({"gw.crdb.internal"})},
                               {peer("10.1.2.4", 7, {pin(101), pin(100)}, day(2027, 3, 1)),
                                peer("10.1.2.3", 5, {pin(101), pin(100)}, day(2027, 1, 30)),
                                peer("10.1.2.5", 5, {pin(101), pin(100)}, day(2027, 2, 1))}}});
    ASSERT_EQ(lock.hosts.size(), 1U);
    const auto& seen = lock.hosts.at(host());
    EXPECT_EQ(seen.chain, chain({"gw.crdb.internal"}));
    EXPECT_THAT(seen.addresses, ElementsAre(core::ip_address::parse("10.1.2.3").value(),
                                            core::ip_address::parse("10.1.2.4").value(),
                                            core::ip_address::parse("10.1.2.5").value()));
    EXPECT_THAT(seen.issuer_spki, ElementsAre(pin(101))); // who signed the leaf, not the root
    EXPECT_THAT(seen.leaf_spki, ElementsAre(pin(5), pin(7)));
    EXPECT_TRUE(seen.next_spki.empty());
    EXPECT_EQ(seen.not_after, day(2027, 1, 30));
}

TEST(app_observed_lock, is_due_for_review_ninety_days_later) {
    const auto lock = locked({{host(), {}, {peer("10.1.2.3", 1)}}});
    EXPECT_EQ(lock.reviewed, day(2026, 11, 22));
    EXPECT_EQ(lock.review_by, day(2027, 2, 20));
}

TEST(app_observed_lock, is_text_that_reads_back) {
    const auto lock = locked({{host(), {chain({})}, {peer("10.1.2.3", 1)}}});
    const auto read = settings::parse_lock(to_text(lock), "roachpin.lock");
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, lock);
}

TEST(app_observed_lock, what_will_be_is_taken_over_and_nothing_else) {
    lock_file old{day(2026, 1, 1), day(2026, 4, 1), {}};
    old.hosts.emplace(host(), test::some_host());
    old.hosts[host()].next_spki = {pin(42)};
    old.hosts.emplace(host("gone.internal"), test::some_host());
    const std::vector<observed_node> seen{{host(), {}, {peer("10.1.2.3", 1)}}};
    auto expected = locked(seen);
    expected.hosts[host()].next_spki = {pin(42)};
    EXPECT_EQ(locked(seen, old), expected);
    EXPECT_TRUE(differences(expected, locked(seen, expected)).empty());
}

TEST(app_observed_lock, nodes_of_one_host_are_one_host) {
    const auto lock = locked({{host(), {chain({"gw.crdb.internal"})}, {peer("10.1.2.3", 1)}},
                              {host(), {}, {peer("10.1.2.4", 2)}},
                              {host("other.internal"), {}, {peer("10.1.2.3", 3)}}});
    ASSERT_EQ(lock.hosts.size(), 2U);
    EXPECT_EQ(lock.hosts.at(host()).addresses.size(), 2U);
    EXPECT_EQ(lock.hosts.at(host()).chain, chain({"gw.crdb.internal"}));
    EXPECT_THAT(lock.hosts.at(host("other.internal")).leaf_spki, ElementsAre(pin(3)));
}

TEST(app_observed_lock, answers_with_different_aliases_make_none) {
    const auto made = to_lock(
        {{host(), {chain({"gw.crdb.internal"}), chain({})}, {peer("10.1.2.3", 1)}}}, {}, noon);
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error(),
                ElementsAre("crdb.internal: the answers have different aliases (no alias; "
                            "gw.crdb.internal), and a lock holds one chain; have the servers "
                            "agree"));
}

} // namespace
} // namespace roachpin
