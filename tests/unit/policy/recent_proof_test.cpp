#include "policy/recent_proof.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using policy::candidate;
using policy::recent_proof;

static_assert(!std::is_default_constructible_v<recent_proof>);
static_assert(!std::is_constructible_v<recent_proof, candidate>);

constexpr core::time_point noon{12h};

const candidate somewhere{
    std::make_shared<policy::node>(policy::node{core::host_name::parse("crdb-0.internal").value()}),
    core::endpoint::parse("10.1.2.3:26257").value()};

bool is_recent(core::time_point proved_at, core::duration allowed) {
    return recent_proof::from(somewhere, proved_at, noon, allowed).has_value();
}

TEST(policy_recent_proof, is_of_the_candidate_that_proved_itself) {
    const auto proof = recent_proof::from(somewhere, noon - 1s, noon, 10s);
    ASSERT_TRUE(proof);
    EXPECT_EQ(proof->where().target, somewhere.target);
    EXPECT_EQ(proof->where().where, somewhere.where);
}

TEST(policy_recent_proof, is_not_older_than_allowed) {
    EXPECT_TRUE(is_recent(noon, 10s));
    EXPECT_TRUE(is_recent(noon - 10s, 10s));
    EXPECT_FALSE(is_recent(noon - 10s - 1ns, 10s));
    EXPECT_FALSE(is_recent(noon - 11h, 10s));
}

TEST(policy_recent_proof, never_is_never_recent) {
    EXPECT_FALSE(is_recent(core::time_point::min(), 10s));
    EXPECT_FALSE(is_recent(core::time_point::min(), 24h));
}

TEST(policy_recent_proof, a_proof_published_after_the_clock_was_read_is_recent) {
    EXPECT_TRUE(is_recent(noon + 1ms, 10s));
    EXPECT_TRUE(is_recent(core::time_point::max(), 10s));
}

TEST(policy_recent_proof, where_nothing_is_allowed_only_one_of_this_very_moment_is) {
    EXPECT_TRUE(is_recent(noon, 0s));
    EXPECT_FALSE(is_recent(noon - 1ns, 0s));
}

} // namespace
} // namespace roachpin
