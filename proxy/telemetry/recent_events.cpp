#include "telemetry/recent_events.hpp"

namespace roachpin::telemetry {
namespace {

namespace events = core::events;

/// Of so many a second that they would push out all others.
template <class... Events>
bool is_one_of(const core::event& what) {
    return (std::holds_alternative<Events>(what) || ...);
}

bool is_everyday(const core::event& what) {
    if (const auto* ended = std::get_if<events::session_ended>(&what)) {
        return ended->routine;
    }
    return is_one_of<events::client_gone, events::client_opened, events::session_established,
                     events::dialled, events::dns_asked, events::startup_replayed,
                     events::cancel_forwarded>(what);
}

} // namespace

void recent_events::on_event(core::event_id id, const core::event& what) noexcept {
    try {
        if (is_everyday(what)) {
            return;
        }
        auto line = describe(what);
        if (line.level == severity::none) {
            return;
        }
        recent_event one{std::chrono::system_clock::now(), core::to_string(id), std::move(line)};
        const std::lock_guard lock(mutex_);
        kept_.push_front(std::move(one));
        if (kept_.size() > most) {
            kept_.pop_back();
        }
    } catch (...) { // out of memory: the page misses one
    }
}

std::vector<recent_event> recent_events::newest() const {
    const std::lock_guard lock(mutex_);
    return {kept_.begin(), kept_.end()};
}

} // namespace roachpin::telemetry
