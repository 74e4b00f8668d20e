#include "telemetry/recent_events.hpp"

#include "telemetry/folding.hpp"

#include <algorithm>
#include <utility>

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
        kept one{{std::chrono::system_clock::now(), core::to_string(id), std::move(line)}, {}};
        if (one.event.line.may_be_folded || std::holds_alternative<events::client_refused>(what)) {
            one.kind = kind_of(one.event.line);
        }
        const std::lock_guard lock(mutex_);
        const auto same = std::find_if(kept_.begin(), kept_.end(), [&](const kept& other) {
            return !one.kind.empty() && other.kind == one.kind;
        });
        if (same != kept_.end()) {
            one.number += same->number;
            kept_.erase(same);
        }
        kept_.push_front(std::move(one));
        if (kept_.size() > most) {
            kept_.pop_back();
        }
    } catch (...) { // out of memory: the page misses one
    }
}

std::vector<recent_event> recent_events::newest() const {
    const std::lock_guard lock(mutex_);
    std::vector<recent_event> all;
    for (const auto& one : kept_) {
        all.push_back(one.event);
        if (one.number > 1) {
            all.back().line.fields.emplace_back("repeated", one.number);
        }
    }
    return all;
}

} // namespace roachpin::telemetry
