#pragma once

#include "core/event.hpp"

#include <atomic>

namespace roachpin::core {

/// A reader of events: the log, a metric, a test. Called on the thread that emitted, so it must be
/// safe to call from several at once and must not throw.
class event_sink {
public:
    virtual ~event_sink() = default;
    virtual void on_event(event_id id, const event& what) noexcept = 0;
};

/// Where logic puts its events. Numbers them and hands them to every reader. Does not own the
/// readers, which must outlive it. Safe to use from any thread.
class event_source {
public:
    /// Ids count up from `first`; a random one keeps the ids of two runs apart.
    event_source(std::vector<event_sink*> readers, std::uint64_t first)
        : readers_(std::move(readers)), next_(first) {}

    /// The id is also what a client is told, so that its error leads to the log line.
    event_id emit(const event& what);

private:
    std::vector<event_sink*> readers_;
    std::atomic<std::uint64_t> next_;
};

} // namespace roachpin::core
