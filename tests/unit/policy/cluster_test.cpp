#include "policy/cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <limits>
#include <map>
#include <string>

namespace roachpin {
namespace {

using texts = std::vector<std::string>;

policy::node node(const char* host, const texts& addresses, unsigned tier = 0) {
    policy::node made{core::host_name::parse(host).value(), {}, tier, {}};
    for (const auto& address : addresses) {
        made.endpoints.push_back(core::endpoint::parse(address).value());
    }
    return made;
}

texts order(const policy::cluster& cluster, std::size_t turn) {
    texts all;
    for (const auto& one : cluster.candidates(turn)) {
        all.push_back(one.target->host.text() + " " + one.where.to_string());
    }
    return all;
}

TEST(policy_cluster, the_order_is_rotated_by_the_turn) {
    const policy::cluster cluster(
        {node("a", {"10.0.0.1:1"}), node("b", {"10.0.0.2:1"}), node("c", {"10.0.0.3:1"})});
    const texts first{"a 10.0.0.1:1", "b 10.0.0.2:1", "c 10.0.0.3:1"};
    EXPECT_EQ(order(cluster, 0), first);
    EXPECT_EQ(order(cluster, 1), (texts{"b 10.0.0.2:1", "c 10.0.0.3:1", "a 10.0.0.1:1"}));
    EXPECT_EQ(order(cluster, 2), (texts{"c 10.0.0.3:1", "a 10.0.0.1:1", "b 10.0.0.2:1"}));
    EXPECT_EQ(order(cluster, 3), first);
}

TEST(policy_cluster, a_lower_tier_comes_first_whatever_the_turn) {
    const policy::cluster cluster({node("far", {"10.2.0.1:1", "10.2.0.2:1"}, 7),
                                   node("near", {"10.1.0.1:1", "10.1.0.2:1"}, 1),
                                   node("here", {"10.0.0.1:1"})});
    EXPECT_EQ(order(cluster, 0), (texts{"here 10.0.0.1:1", "near 10.1.0.1:1", "near 10.1.0.2:1",
                                        "far 10.2.0.1:1", "far 10.2.0.2:1"}));
    EXPECT_EQ(order(cluster, 1), (texts{"here 10.0.0.1:1", "near 10.1.0.2:1", "near 10.1.0.1:1",
                                        "far 10.2.0.2:1", "far 10.2.0.1:1"}));
}

TEST(policy_cluster, nodes_of_one_tier_are_one_ring) {
    const policy::cluster cluster(
        {node("a", {"10.0.0.1:1", "10.0.0.2:1"}, 3), node("b", {"10.0.0.3:1"}, 3)});
    EXPECT_EQ(order(cluster, 1), (texts{"a 10.0.0.2:1", "b 10.0.0.3:1", "a 10.0.0.1:1"}));
}

/// Whether each of several turns names every endpoint of a cluster of two tiers exactly once.
void expect_every_endpoint_once(std::initializer_list<std::size_t> turns) {
    const policy::cluster cluster({node("a", {"10.0.0.1:1", "10.0.0.1:2", "[::1]:1"}),
                                   node("b", {"10.0.0.2:1", "10.0.0.3:1"}, 1),
                                   node("c", {"10.0.0.4:1", "10.0.0.5:1"}),
                                   node("d", {"10.0.0.6:1"}, 1)});
    for (const auto turn : turns) {
        EXPECT_THAT(order(cluster, turn),
                    testing::UnorderedElementsAre("a 10.0.0.1:1", "a 10.0.0.1:2", "a [::1]:1",
                                                  "b 10.0.0.2:1", "b 10.0.0.3:1", "c 10.0.0.4:1",
                                                  "c 10.0.0.5:1", "d 10.0.0.6:1"))
            << turn;
    }
}

constexpr auto last_turn = std::numeric_limits<std::size_t>::max();

TEST(policy_cluster, every_endpoint_comes_exactly_once_in_every_turn) {
    expect_every_endpoint_once({0, 1, 2, 3, 4, 5, 6, 7, 8, 1000, last_turn / 2, last_turn - 8});
}

TEST(policy_cluster, every_endpoint_comes_exactly_once_in_the_last_turns_too) {
    expect_every_endpoint_once(
        {last_turn - 4, last_turn - 3, last_turn - 2, last_turn - 1, last_turn});
}

TEST(policy_cluster, consecutive_turns_spread_evenly) {
    const policy::cluster cluster(
        {node("a", {"10.0.0.1:1", "10.0.0.2:1"}), node("b", {"10.0.0.3:1"})});
    std::map<std::string, int> times_first;
    for (std::size_t turn = 0; turn < 300; ++turn) {
        ++times_first[order(cluster, turn).front()];
    }
    ASSERT_EQ(times_first.size(), 3U);
    for (const auto& [where, times] : times_first) {
        EXPECT_EQ(times, 100) << where;
    }
}

TEST(policy_cluster, a_candidate_keeps_its_node) {
    std::vector<policy::candidate> kept;
    {
        auto one = node("crdb.internal", {"10.0.0.1:1"}, 2);
        one.pins.emplace_back(std::array<std::uint8_t, core::spki_pin::size>{});
        const policy::cluster cluster({one});
        kept = cluster.candidates(0);
    }
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].target->host.text(), "crdb.internal");
    EXPECT_EQ(kept[0].target->tier, 2U);
    EXPECT_EQ(kept[0].target->pins.size(), 1U);
}

TEST(policy_cluster, without_endpoints_there_are_no_candidates) {
    EXPECT_TRUE(policy::cluster({}).candidates(1).empty());
    EXPECT_TRUE(policy::cluster({node("a", {})}).candidates(1).empty());
}

} // namespace
} // namespace roachpin
