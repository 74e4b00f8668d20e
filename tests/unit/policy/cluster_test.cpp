#include "policy/cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
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

policy::cluster made_of(std::vector<policy::node> nodes,
                        policy::balance by = policy::balance::round_robin) {
    return policy::cluster(policy::members_of(std::move(nodes)), by);
}

texts order(const policy::cluster& cluster, std::size_t turn) {
    texts all;
    for (const auto& one : cluster.candidates(turn)) {
        all.push_back(one.target->host.text() + " " + one.where.to_string());
    }
    return all;
}

TEST(policy_cluster, the_order_is_rotated_by_the_turn) {
    const auto cluster =
        made_of({node("a", {"10.0.0.1:1"}), node("b", {"10.0.0.2:1"}), node("c", {"10.0.0.3:1"})});
    const texts first{"a 10.0.0.1:1", "b 10.0.0.2:1", "c 10.0.0.3:1"};
    EXPECT_EQ(order(cluster, 0), first);
    EXPECT_EQ(order(cluster, 1), (texts{"b 10.0.0.2:1", "c 10.0.0.3:1", "a 10.0.0.1:1"}));
    EXPECT_EQ(order(cluster, 2), (texts{"c 10.0.0.3:1", "a 10.0.0.1:1", "b 10.0.0.2:1"}));
    EXPECT_EQ(order(cluster, 3), first);
}

TEST(policy_cluster, a_lower_tier_comes_first_whatever_the_turn) {
    const auto cluster =
        made_of({node("far", {"10.2.0.1:1", "10.2.0.2:1"}, 7),
                 node("near", {"10.1.0.1:1", "10.1.0.2:1"}, 1), node("here", {"10.0.0.1:1"})});
    EXPECT_EQ(order(cluster, 0), (texts{"here 10.0.0.1:1", "near 10.1.0.1:1", "near 10.1.0.2:1",
                                        "far 10.2.0.1:1", "far 10.2.0.2:1"}));
    EXPECT_EQ(order(cluster, 1), (texts{"here 10.0.0.1:1", "near 10.1.0.2:1", "near 10.1.0.1:1",
                                        "far 10.2.0.2:1", "far 10.2.0.1:1"}));
}

TEST(policy_cluster, nodes_of_one_tier_are_one_ring) {
    const auto cluster =
        made_of({node("a", {"10.0.0.1:1", "10.0.0.2:1"}, 3), node("b", {"10.0.0.3:1"}, 3)});
    EXPECT_EQ(order(cluster, 1), (texts{"a 10.0.0.2:1", "b 10.0.0.3:1", "a 10.0.0.1:1"}));
}

/// Whether each of several turns names every endpoint of a cluster of two tiers exactly once.
void expect_every_endpoint_once(std::initializer_list<std::size_t> turns) {
    const auto cluster =
        made_of({node("a", {"10.0.0.1:1", "10.0.0.1:2", "[::1]:1"}),
                 node("b", {"10.0.0.2:1", "10.0.0.3:1"}, 1),
                 node("c", {"10.0.0.4:1", "10.0.0.5:1"}), node("d", {"10.0.0.6:1"}, 1)});
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
    const auto cluster =
        made_of({node("a", {"10.0.0.1:1", "10.0.0.2:1"}), node("b", {"10.0.0.3:1"})});
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
        const auto cluster = made_of({one});
        kept = cluster.candidates(0);
    }
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].target->host.text(), "crdb.internal");
    EXPECT_EQ(kept[0].target->tier, 2U);
    EXPECT_EQ(kept[0].target->pins.size(), 1U);
}

TEST(policy_cluster, without_endpoints_there_are_no_candidates) {
    EXPECT_TRUE(made_of({}).candidates(1).empty());
    EXPECT_TRUE(made_of({node("a", {})}).candidates(1).empty());
}

/// Three places of one tier with so many sessions.
policy::cluster loaded(const std::array<std::size_t, 3>& sessions, policy::balance by) {
    auto members = policy::members_of({node("a", {"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"})});
    for (std::size_t i = 0; i < members.size(); ++i) {
        *members[i].at.status->sessions = sessions[i];
    }
    return policy::cluster(std::move(members), by);
}

TEST(policy_cluster, the_place_with_the_fewest_sessions_comes_first) {
    const auto cluster = loaded({7, 2, 5}, policy::balance::least_connections);
    for (std::size_t turn = 0; turn < 6; ++turn) {
        EXPECT_EQ(order(cluster, turn), (texts{"a 10.0.0.2:1", "a 10.0.0.3:1", "a 10.0.0.1:1"}));
    }
}

TEST(policy_cluster, equals_take_turns) {
    const auto cluster = loaded({3, 3, 9}, policy::balance::least_connections);
    EXPECT_EQ(order(cluster, 0).front(), "a 10.0.0.1:1");
    EXPECT_EQ(order(cluster, 1).front(), "a 10.0.0.2:1");
    EXPECT_EQ(order(cluster, 1).back(), "a 10.0.0.3:1");
}

TEST(policy_cluster, a_count_that_changes_changes_the_next_choice) {
    const auto cluster = loaded({0, 1, 1}, policy::balance::least_connections);
    const auto chosen = cluster.candidates(0).front();
    EXPECT_EQ(chosen.where.to_string(), "10.0.0.1:1");
    *chosen.status->sessions += 2;
    EXPECT_EQ(order(cluster, 1).back(), "a 10.0.0.1:1");
}

TEST(policy_cluster, who_goes_round_or_by_chance_counts_nothing) {
    const auto round = loaded({9, 0, 0}, policy::balance::round_robin);
    EXPECT_EQ(order(round, 0).front(), "a 10.0.0.1:1");
    const auto chance = loaded({9, 0, 0}, policy::balance::random);
    std::map<std::string, int> times_first;
    for (std::size_t turn = 0; turn < 3000; ++turn) {
        const auto all = order(chance, turn);
        EXPECT_THAT(all,
                    testing::UnorderedElementsAre("a 10.0.0.1:1", "a 10.0.0.2:1", "a 10.0.0.3:1"));
        ++times_first[all.front()];
    }
    for (const auto& [where, times] : times_first) { // the seeds are the turns: no chance at all
        EXPECT_GT(times, 800) << where;
    }
}

TEST(policy_cluster, what_is_not_usable_comes_after_all_that_is) {
    auto members = policy::members_of(
        {node("near", {"10.0.0.1:1", "10.0.0.2:1"}, 0), node("far", {"10.1.0.1:1"}, 1)});
    members[0].usable = false;
    const policy::cluster cluster(std::move(members), policy::balance::round_robin);
    EXPECT_EQ(order(cluster, 0), (texts{"near 10.0.0.2:1", "far 10.1.0.1:1", "near 10.0.0.1:1"}));
    ASSERT_EQ(cluster.preferred().size(), 1U);
    EXPECT_EQ(cluster.preferred()[0].where.to_string(), "10.0.0.2:1");
}

TEST(policy_cluster, where_nothing_is_usable_all_are_tried) {
    auto members =
        policy::members_of({node("far", {"10.1.0.1:1"}, 1), node("near", {"10.0.0.1:1"}, 0)});
    for (auto& one : members) {
        one.usable = false;
    }
    const policy::cluster cluster(std::move(members));
    EXPECT_EQ(order(cluster, 0), (texts{"near 10.0.0.1:1", "far 10.1.0.1:1"}));
    EXPECT_TRUE(cluster.preferred().empty());
}

TEST(policy_cluster, the_next_tier_is_preferred_where_no_place_of_the_first_is_usable) {
    auto members =
        policy::members_of({node("near", {"10.0.0.1:1"}, 0), node("far", {"10.1.0.1:1"}, 1)});
    members[0].usable = false;
    const policy::cluster cluster(std::move(members));
    ASSERT_EQ(cluster.preferred().size(), 1U);
    EXPECT_EQ(cluster.preferred()[0].target->host.text(), "far");
}

} // namespace
} // namespace roachpin
