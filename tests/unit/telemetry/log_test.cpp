#include "telemetry/log.hpp"
#include "unit/telemetry/sample_events.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace roachpin {
namespace {

using telemetry::severity;

/// What a log of these options writes about one of each event.
std::vector<std::string> lines_written(telemetry::log_options options) {
    testing::internal::CaptureStderr();
    {
        telemetry::log log(options);
        for (const auto& event : test::sample_events()) {
            log.on_event(core::event_id{1}, event);
        }
    }
    std::istringstream written(testing::internal::GetCapturedStderr());
    std::vector<std::string> lines;
    for (std::string line; std::getline(written, line);) {
        lines.push_back(line);
    }
    return lines;
}

TEST(telemetry_log, one_event_is_one_line_unless_it_is_less_severe_than_asked_for) {
    for (const auto least : {severity::debug, severity::info, severity::warning, severity::error}) {
        const auto events = test::sample_events();
        const auto expected = std::count_if(events.begin(), events.end(), [&](const auto& event) {
            return telemetry::describe(event).level >= least;
        });
        EXPECT_EQ(lines_written({.least = least}).size(), static_cast<std::size_t>(expected));
    }
}

TEST(telemetry_log, each_line_of_json_stands_by_itself) {
    const auto lines = lines_written({.least = severity::debug, .json = true});
    ASSERT_EQ(lines.size(), test::sample_events().size());
    for (const auto& line : lines) {
        EXPECT_EQ(boost::json::parse(line).at("id"), "0000000000000001") << line;
    }
}

} // namespace
} // namespace roachpin
