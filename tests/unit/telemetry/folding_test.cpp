#include "telemetry/folding.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using telemetry::describe;
using telemetry::event_line;
using telemetry::folding;
namespace events = core::events;

const core::time_point start{1h};

event_line failed_dial(std::uint64_t connection, std::string address = "10.1.2.3:26257") {
    core::client_facts client{core::connection_id{connection}, "10.9.8.7:1", "127.0.0.1:26257",
                              "app"};
    return describe(events::dial_failed{std::move(client),
                                        {"crdb.internal", std::move(address)},
                                        "tcp",
                                        "refused",
                                        "connection refused"});
}

std::uint64_t repeated(const event_line& line) {
    EXPECT_EQ(line.fields.back().first, "repeated");
    return std::get<std::uint64_t>(line.fields.back().second);
}

TEST(telemetry_folding, the_first_is_written_and_the_others_stand_together) {
    folding log(60s);
    EXPECT_TRUE(log.is_news(core::event_id{1}, failed_dial(1), start));
    EXPECT_EQ(log.next_due(), core::time_point::max());
    for (std::uint64_t i = 2; i < 10; ++i) {
        EXPECT_FALSE(log.is_news(core::event_id{i}, failed_dial(i), start + 1s));
    }
    EXPECT_EQ(log.next_due(), start + 60s);
    EXPECT_TRUE(log.take_due(start + 59s).empty());

    const auto due = log.take_due(start + 60s);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].first, core::event_id{9}) << "the last of them";
    EXPECT_EQ(repeated(due[0].second), 8U);
    EXPECT_TRUE(log.take_due(start + 61s).empty()) << "said once";
    EXPECT_FALSE(log.is_news(core::event_id{10}, failed_dial(10), start + 61s)) << "it goes on";
    EXPECT_EQ(repeated(log.take_due(start + 120s)[0].second), 1U);
}

TEST(telemetry_folding, after_a_quiet_window_it_is_news_again) {
    folding log(60s);
    EXPECT_TRUE(log.is_news(core::event_id{1}, failed_dial(1), start));
    EXPECT_TRUE(log.is_news(core::event_id{2}, failed_dial(2), start + 60s));
}

TEST(telemetry_folding, what_differs_in_more_than_the_client_is_another) {
    folding log;
    EXPECT_TRUE(log.is_news(core::event_id{1}, failed_dial(1, "10.1.2.3:26257"), start));
    EXPECT_TRUE(log.is_news(core::event_id{2}, failed_dial(1, "10.1.2.4:26257"), start));
}

TEST(telemetry_folding, what_a_client_was_told_is_always_written) {
    folding log;
    const auto line = describe(events::client_refused{.reason = "draining"});
    EXPECT_TRUE(log.is_news(core::event_id{1}, line, start));
    EXPECT_TRUE(log.is_news(core::event_id{2}, line, start));
    EXPECT_TRUE(log.take_all().empty());
}

TEST(telemetry_folding, what_is_held_at_the_end_is_not_lost) {
    folding log;
    log.is_news(core::event_id{1}, failed_dial(1), start);
    log.is_news(core::event_id{2}, failed_dial(2), start);
    const auto rest = log.take_all();
    ASSERT_EQ(rest.size(), 1U);
    EXPECT_EQ(repeated(rest[0].second), 1U);
    EXPECT_TRUE(log.take_all().empty());
}

/// An attacker who makes every line differ is written as before, and takes no memory.
TEST(telemetry_folding, kinds_are_bounded) {
    folding log;
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        EXPECT_TRUE(log.is_news(core::event_id{i}, failed_dial(1, std::to_string(i)), start));
    }
    EXPECT_TRUE(log.is_news(core::event_id{1}, failed_dial(1, "9999"), start))
        << "beyond the bound nothing is held";
    EXPECT_FALSE(log.is_news(core::event_id{2}, failed_dial(1, "0"), start));
}

} // namespace
} // namespace roachpin
