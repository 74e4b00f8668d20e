#include "policy/backoff.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace roachpin {
namespace {

using namespace std::chrono_literals;

std::vector<core::duration> waits(policy::backoff& backoff, int failures) {
    std::vector<core::duration> all;
    for (int i = 0; i < failures; ++i) {
        all.push_back(backoff.failed());
    }
    return all;
}

using durations = std::vector<core::duration>;

TEST(policy_backoff, doubles_up_to_the_most) {
    policy::backoff accepting(5ms, 1s);
    EXPECT_EQ(waits(accepting, 10),
              (durations{5ms, 10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1s, 1s}));
}

TEST(policy_backoff, starts_over_after_a_success) {
    policy::backoff backoff(5ms, 1s);
    waits(backoff, 7);
    backoff.succeeded();
    EXPECT_EQ(waits(backoff, 2), (durations{5ms, 10ms}));
}

TEST(policy_backoff, stays_where_first_and_most_are_the_same) {
    policy::backoff backoff(1s, 1s);
    EXPECT_EQ(waits(backoff, 3), (durations{1s, 1s, 1s}));
}

} // namespace
} // namespace roachpin
