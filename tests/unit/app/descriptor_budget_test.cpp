#include "app/descriptor_budget.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace roachpin::app {
namespace {

descriptor_needs ordinary() {
    return {.max_connections = 4096,
            .max_opening = 256,
            .spares = 12,
            .listeners = 2,
            .workers = 4,
            .passthrough = false};
}

TEST(descriptor_budget, two_for_each_connection_and_one_for_all_that_is_not_one) {
    EXPECT_EQ(needed_descriptors(ordinary()), 2 * 4096U + 256 + 12 + 2 + 4 * 4 + 96);
}

TEST(descriptor_budget, two_pipes_more_where_the_kernel_may_splice) {
    auto needs = ordinary();
    const auto before = needed_descriptors(needs);
    needs.passthrough = true;
    EXPECT_EQ(needed_descriptors(needs), before + 4 * 4096U);
}

TEST(descriptor_budget, something_is_needed_for_nobody) {
    EXPECT_GE(needed_descriptors({}), 64U);
}

TEST(descriptor_budget, nine_thousand_five_hundred_connections_fit_into_twenty_thousand) {
    auto needs = ordinary();
    needs.max_connections = 9'500;
    needs.workers = 64;
    EXPECT_LE(needed_descriptors(needs), 20'000U);
}

TEST(descriptor_budget, the_most_that_fits_does_and_one_more_does_not) {
    for (const bool passthrough : {false, true}) {
        for (const std::size_t limit : {1'000U, 1'024U, 4'097U, 20'000U}) {
            auto needs = ordinary();
            needs.passthrough = passthrough;
            needs.max_connections = most_connections(needs, limit);
            EXPECT_LE(needed_descriptors(needs), limit);
            ++needs.max_connections;
            EXPECT_GT(needed_descriptors(needs), limit);
        }
    }
    EXPECT_EQ(most_connections(ordinary(), 100), 0U);
}

/// Limits are a process's: this one's stay as they are. Whether `holds` held in the other.
bool holds_in_a_child(const std::function<bool()>& holds) {
    const auto child = ::fork();
    if (child == 0) {
        ::_exit(holds() ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool limit_to(rlim_t soft, rlim_t hard) {
    const rlimit limit{soft, hard};
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

TEST(descriptor_budget, the_soft_limit_becomes_the_hard_one) {
    const auto needed = needed_descriptors({.max_connections = 100});
    EXPECT_TRUE(holds_in_a_child([&] {
        rlimit now{};
        return limit_to(32, needed) && make_room({.max_connections = 100}) &&
               ::getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == needed &&
               now.rlim_max == needed;
    }));
}

TEST(descriptor_budget, a_hard_limit_that_is_too_low_is_said_with_what_to_do) {
    EXPECT_TRUE(holds_in_a_child([] {
        const auto made =
            limit_to(512, 1024) ? make_room(ordinary()) : core::error{"limits cannot be set"};
        const std::string expected =
            "these limits need 8574 file descriptors, and the hard limit of open files is 1024: "
            "raise it (LimitNOFILE=8574 in the systemd unit, or ulimit -Hn 8574), or lower "
            "limits.max_connections to 321";
        if (!made && made.error().sentence != expected) {
            std::fprintf(stderr, "%s\n", made.error().sentence.c_str());
        }
        return !made && made.error().sentence == expected;
    }));
}

TEST(descriptor_budget, no_number_of_connections_is_proposed_where_none_fits) {
    EXPECT_TRUE(holds_in_a_child([] {
        const auto made =
            limit_to(100, 100) ? make_room(ordinary()) : core::error{"limits cannot be set"};
        return !made &&
               made.error().sentence.find("hard limit of open files is 100") != std::string::npos &&
               made.error().sentence.find("max_connections") == std::string::npos;
    }));
}

} // namespace
} // namespace roachpin::app
