#pragma once

#include "core/event_sink.hpp"
#include "telemetry/status.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace roachpin::telemetry {

/// Keeps the last events that tell an operator something: all but those of sessions that went well
/// and of measurements. Of refused clients and of those that may be folded, the last of each kind
/// stands for all, with their number (`repeated`). Any thread.
class recent_events final : public core::event_sink {
public:
    void on_event(core::event_id id, const core::event& what) noexcept override;

    /// Newest first.
    std::vector<recent_event> newest() const;

private:
    static constexpr std::size_t most = 100;

    struct kept {
        recent_event event;
        std::string kind;         ///< empty: it stands for itself alone
        std::uint64_t number = 1; ///< of events that it stands for
    };

    mutable std::mutex mutex_;
    std::deque<kept> kept_; ///< newest first
};

} // namespace roachpin::telemetry
