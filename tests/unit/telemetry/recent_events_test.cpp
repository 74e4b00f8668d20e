#include "telemetry/recent_events.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

namespace events = core::events;
using telemetry::recent_events;

TEST(telemetry_recent_events, the_newest_is_first_and_carries_its_id) {
    recent_events seen;
    seen.on_event(core::event_id{1}, events::names_stale{"a", true});
    seen.on_event(core::event_id{2}, events::names_stale{"a", false});
    const auto newest = seen.newest();
    ASSERT_EQ(newest.size(), 2U);
    EXPECT_EQ(newest[0].id, "0000000000000002");
    EXPECT_EQ(newest[1].line.name, "names_stale");
}

TEST(telemetry_recent_events, sessions_that_went_well_push_nothing_out) {
    recent_events seen;
    seen.on_event(core::event_id{1}, events::reload_failed{"SIGHUP", "no"});
    for (std::uint64_t i = 2; i < 1000; ++i) {
        seen.on_event(core::event_id{i}, events::session_established{});
        seen.on_event(core::event_id{i}, events::session_ended{});
        seen.on_event(core::event_id{i}, events::client_gone{});
        seen.on_event(core::event_id{i}, events::dialled{});
        seen.on_event(core::event_id{i}, events::dns_answer_refused{.news = false});
    }
    ASSERT_EQ(seen.newest().size(), 1U);
    seen.on_event(core::event_id{1000}, events::session_ended{.routine = false});
    EXPECT_EQ(seen.newest().size(), 2U);
}

TEST(telemetry_recent_events, a_flood_of_one_kind_is_one_with_its_number) {
    recent_events seen;
    seen.on_event(core::event_id{1}, events::reload_failed{"SIGHUP", "no"});
    for (std::uint64_t i = 2; i < 1000; ++i) {
        events::dial_failed failed{.reason = "refused"};
        failed.client.connection = core::connection_id{i};
        seen.on_event(core::event_id{i}, failed);
    }
    const auto newest = seen.newest();
    ASSERT_EQ(newest.size(), 2U);
    EXPECT_EQ(newest[0].id, core::to_string(core::event_id{999})) << "the last of them";
    EXPECT_EQ(newest[0].line.fields.back(), telemetry::field("repeated", std::uint64_t{998}));
    EXPECT_EQ(newest[1].line.name, "reload_failed");
}

TEST(telemetry_recent_events, they_are_bounded) {
    recent_events seen;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        seen.on_event(core::event_id{i}, events::drained{});
    }
    EXPECT_EQ(seen.newest().size(), 100U);
    EXPECT_EQ(seen.newest().front().id, core::to_string(core::event_id{999}));
}

} // namespace
} // namespace roachpin
