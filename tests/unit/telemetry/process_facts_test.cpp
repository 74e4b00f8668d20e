#include "telemetry/process_facts.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace roachpin {
namespace {

TEST(telemetry_process_facts, they_are_of_this_process) {
    const auto before = telemetry::read_process_facts().value();
    const int one_more = ::open("/dev/null", O_RDONLY);
    EXPECT_EQ(telemetry::read_process_facts().value().open_descriptors,
              before.open_descriptors + 1);
    ::close(one_more);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    EXPECT_EQ(before.max_descriptors, limit.rlim_cur);
    EXPECT_GT(before.resident_bytes, 1'000'000U);
    EXPECT_GE(before.virtual_bytes, before.resident_bytes);
    EXPECT_GE(before.threads, 1U);
    const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
    EXPECT_LE(before.started_at, now.count() + 1);
    EXPECT_GT(before.started_at, now.count() - 24 * 3600);
}

} // namespace
} // namespace roachpin
