#pragma once

#include "core/event_sink.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

namespace roachpin::test {

/// Keeps every event, and lets a test wait for one. Any thread.
class event_recorder final : public core::event_sink {
public:
    void on_event(core::event_id id, const core::event& what) noexcept override {
        const std::lock_guard lock(mutex_);
        events_.emplace_back(id, what);
        changed_.notify_all();
    }

    /// Every event of this kind so far.
    template <class Event>
    std::vector<Event> all() const {
        const std::lock_guard lock(mutex_);
        return collect<Event>();
    }

    /// The `count`th event of this kind, waited for; nothing where it does not come.
    template <class Event>
    std::optional<Event> wait_for(std::size_t count = 1) const {
        std::unique_lock lock(mutex_);
        const auto there = [&] {
            return collect<Event>().size() >= count;
        };
        if (!changed_.wait_for(lock, std::chrono::seconds(20), there)) {
            return std::nullopt;
        }
        return collect<Event>()[count - 1];
    }

    /// The id under which the last event of this kind was emitted.
    template <class Event>
    std::string last_id() const {
        const std::lock_guard lock(mutex_);
        std::string id;
        for (const auto& [number, what] : events_) {
            if (std::holds_alternative<Event>(what)) {
                id = core::to_string(number);
            }
        }
        return id;
    }

private:
    template <class Event>
    std::vector<Event> collect() const {
        std::vector<Event> found;
        for (const auto& [id, what] : events_) {
            if (const auto* one = std::get_if<Event>(&what)) {
                found.push_back(*one);
            }
        }
        return found;
    }

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<std::pair<core::event_id, core::event>> events_;
};

} // namespace roachpin::test
