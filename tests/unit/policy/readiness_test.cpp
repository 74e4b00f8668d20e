#include "policy/readiness.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::chrono_literals;

const core::time_point start{1h};

TEST(policy_readiness, it_is_not_ready_before_anything_could_be_used) {
    policy::readiness one(10s);
    EXPECT_FALSE(one.is_ready(start));
    one.note(false, start);
    EXPECT_FALSE(one.is_ready(start));
    one.note(true, start + 1s);
    EXPECT_TRUE(one.is_ready(start + 1s));
}

TEST(policy_readiness, a_moment_without_a_node_changes_nothing) {
    policy::readiness one(10s);
    one.note(true, start);
    one.note(false, start + 1s);
    EXPECT_TRUE(one.is_ready(start + 10s));
    one.note(false, start + 5s); // said again: it counts from the first time
    EXPECT_FALSE(one.is_ready(start + 11s));
    one.note(true, start + 12s);
    EXPECT_TRUE(one.is_ready(start + 12s));
    one.note(false, start + 13s);
    EXPECT_TRUE(one.is_ready(start + 22s)) << "a new absence begins anew";
}

TEST(policy_readiness, a_reload_may_change_the_patience) {
    policy::readiness one(10s);
    one.note(true, start);
    one.note(false, start);
    one.set_hold(1s);
    EXPECT_FALSE(one.is_ready(start + 1s));
}

} // namespace
} // namespace roachpin
