#include "policy/rate_limit.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::chrono_literals;

const core::time_point start{100h};

/// How many of `tries` at one moment pass.
int passed(policy::rate_limit& limit, core::time_point now, int tries = 100) {
    int count = 0;
    for (int i = 0; i < tries; ++i) {
        count += limit.take(now);
    }
    return count;
}

TEST(policy_rate_limit, lets_a_burst_through_and_no_more) {
    policy::rate_limit limit(10, 5);
    EXPECT_EQ(passed(limit, start), 5);
    EXPECT_EQ(passed(limit, start + 99ms), 0);
}

TEST(policy_rate_limit, fills_again_as_time_passes_up_to_the_burst) {
    policy::rate_limit limit(10, 5);
    passed(limit, start);
    EXPECT_EQ(passed(limit, start + 101ms), 1);
    EXPECT_EQ(passed(limit, start + 401ms), 3);
    EXPECT_EQ(passed(limit, start + 1h), 5);
}

TEST(policy_rate_limit, what_is_refused_costs_nothing) {
    policy::rate_limit limit(1, 1);
    passed(limit, start);
    for (int i = 1; i < 10; ++i) {
        EXPECT_FALSE(limit.take(start + i * 100ms));
    }
    EXPECT_TRUE(limit.take(start + 1001ms));
}

TEST(policy_rate_limit, keeps_its_rate_however_often_it_is_asked) {
    policy::rate_limit limit(10, 1);
    int count = 0;
    for (int i = 0; i < 10'000; ++i) {
        count += limit.take(start + i * 1ms);
    }
    EXPECT_NEAR(count, 100, 2);
}

TEST(policy_rate_limit, time_that_goes_back_adds_nothing) {
    policy::rate_limit limit(10, 1);
    passed(limit, start);
    EXPECT_FALSE(limit.take(start - 1h));
    EXPECT_FALSE(limit.take(start));
    EXPECT_TRUE(limit.take(start + 101ms));
}

TEST(policy_rate_limit, none_and_a_burst_of_none) {
    policy::rate_limit once(0, 1);
    EXPECT_EQ(passed(once, start) + passed(once, start + 1h), 1);
    policy::rate_limit never(10, 0);
    EXPECT_EQ(passed(never, start) + passed(never, start + 1h), 0);
}

} // namespace
} // namespace roachpin
