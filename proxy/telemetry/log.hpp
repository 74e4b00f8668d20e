#pragma once

#include "core/event_sink.hpp"
#include "telemetry/event_line.hpp"
#include "telemetry/folding.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>

namespace spdlog {
class logger;

namespace details {
class thread_pool;
}
} // namespace spdlog

namespace roachpin::telemetry {

struct log_options {
    severity least = severity::info; ///< what is less severe is not written
    bool json = false;
    int fd = 2;
};

/// The log: one event, one line. Safe from any thread, and never waits: a thread of its own writes,
/// and where nobody reads what it writes, or a full disk does not take it, lines are dropped and
/// counted (log_lines_lost). Sessions do not stop because a log shipper does.
///
/// Lines that repeat others are folded (telemetry/folding.hpp), unless everything was asked for
/// (severity::debug).
class log final : public core::event_sink {
public:
    explicit log(log_options options);
    log(const log&) = delete;
    log& operator=(const log&) = delete;
    /// Waits for what is left to be written, but no longer than two seconds.
    ~log() override;

    void on_event(core::event_id id, const core::event& what) noexcept override;

    /// From now on; where it is written stays.
    void change(severity least, bool json);

    /// How many lines nobody will read: dropped from the queue, or not taken by the system.
    std::size_t lost() const;

private:
    class writer;
    struct left_behind;

    bool is_news(core::event_id id, const event_line& line);
    void write_folded();
    void write(core::event_id id, const event_line& line);
    void say_what_was_lost(core::event_id id);

    std::atomic<severity> least_;
    std::atomic<bool> json_;
    std::shared_ptr<writer> writer_;
    std::shared_ptr<spdlog::details::thread_pool> thread_;
    std::shared_ptr<spdlog::logger> logger_;
    std::mutex folding_mutex_;
    folding folding_;
    std::atomic<core::time_point> folded_due_{core::time_point::max()};
    std::atomic<std::size_t> submitted_ = 0;
    std::atomic<std::size_t> lost_said_ = 0;
};

} // namespace roachpin::telemetry
