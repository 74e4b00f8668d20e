#pragma once

#include "core/event_sink.hpp"
#include "telemetry/status.hpp"

#include <cstddef>
#include <deque>
#include <mutex>
#include <vector>

namespace roachpin::telemetry {

/// Keeps the last events that tell an operator something: all but those of sessions that went well
/// and of measurements. Any thread.
class recent_events final : public core::event_sink {
public:
    void on_event(core::event_id id, const core::event& what) noexcept override;

    /// Newest first.
    std::vector<recent_event> newest() const;

private:
    static constexpr std::size_t most = 100;

    mutable std::mutex mutex_;
    std::deque<recent_event> kept_; ///< newest first
};

} // namespace roachpin::telemetry
