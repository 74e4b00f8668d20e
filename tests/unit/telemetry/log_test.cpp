#include "telemetry/log.hpp"
#include "unit/telemetry/sample_events.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fcntl.h>
#include <sstream>
#include <thread>
#include <unistd.h>

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

/// What it has lost once it has had its time to write.
std::size_t lost_in_the_end(const telemetry::log& log, std::size_t expected) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (log.lost() < expected && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
    return log.lost();
}

TEST(telemetry_log, what_a_full_disk_does_not_take_is_counted) {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    {
        telemetry::log log({.fd = full});
        log.on_event(core::event_id{1}, core::events::started{"0.1.0", 2, ""});
        EXPECT_EQ(lost_in_the_end(log, 1), 1U);
        log.on_event(core::event_id{2}, core::events::started{"0.1.0", 2, ""});
        EXPECT_EQ(lost_in_the_end(log, 2), 2U)
            << "what was lost is not said where nothing is taken";
    }
    ::close(full);
}

TEST(telemetry_log, a_pipe_that_does_not_block_is_waited_for) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    ::fcntl(ends[1], F_SETPIPE_SZ, 4096);
    constexpr int events = 500;
    std::string read;
    {
        telemetry::log log({.fd = ends[1]});
        for (int i = 0; i < events; ++i) {
            log.on_event(core::event_id{1}, core::events::started{"0.1.0", 2, ""});
        }
        std::array<char, 4096> some{};
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (std::count(read.begin(), read.end(), '\n') < events &&
               std::chrono::steady_clock::now() < deadline) {
            const auto got = ::read(ends[0], some.data(), some.size());
            read.append(some.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
        }
        EXPECT_EQ(log.lost(), 0U);
    }
    EXPECT_EQ(std::count(read.begin(), read.end(), '\n'), events);
    ::close(ends[0]);
    ::close(ends[1]);
}

} // namespace
} // namespace roachpin
