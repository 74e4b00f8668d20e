#include "telemetry/words.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using namespace telemetry;

TEST(telemetry_words, one_unit_is_enough) {
    EXPECT_EQ(span_text(0s), "0 s");
    EXPECT_EQ(span_text(119s), "119 s");
    EXPECT_EQ(span_text(2min), "2 min");
    EXPECT_EQ(span_text(119min), "119 min");
    EXPECT_EQ(span_text(47h), "47 h");
    EXPECT_EQ(span_text(-48h), "2 days");
}

TEST(telemetry_words, before_and_after) {
    const wall_time now{1'000'000s};
    EXPECT_EQ(distance_text(now + 90 * 24h, now), "in 90 days");
    EXPECT_EQ(distance_text(now - 5s, now), "5 s ago");
    EXPECT_EQ(clock_text(now), "1970-01-12 13:46:40 UTC");
}

TEST(telemetry_words, numbers_and_bytes) {
    EXPECT_EQ(number_text(0), "0");
    EXPECT_EQ(number_text(0.44), "0.4");
    EXPECT_EQ(number_text(31.4), "31");
    EXPECT_EQ(bytes_text(999), "999 B");
    EXPECT_EQ(bytes_text(1'234'000), "1.2 MB");
    EXPECT_EQ(bytes_text(123'400), "123 kB");
    EXPECT_EQ(counted(1, "connection"), "1 connection");
    EXPECT_EQ(counted(0, "connection"), "0 connections");
}

} // namespace
} // namespace roachpin
