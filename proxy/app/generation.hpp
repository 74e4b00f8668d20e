#pragma once

#include "app/descriptor_budget.hpp"
#include "app/load.hpp"
#include "core/event_sink.hpp"
#include "net/discovery.hpp"
#include "net/file_watch.hpp"
#include "net/resolver.hpp"
#include "net/review.hpp"
#include "net/session.hpp"
#include "net/task_group.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace roachpin::app {

/// All that a reload replaces as one: a configuration, what was made of it, and who looks after its
/// names and places. Control thread.
class generation {
public:
    /// Nothing is asked or dialled yet. To be made right after its files were read: their changes
    /// count from here. `events` must outlive it.
    generation(net::executor control, const configuration_source& source, prepared from,
               core::event_source& events);
    generation(const generation&) = delete;
    generation& operator=(const generation&) = delete;
    /// `stop` must have ended, if `go_on` was called.
    ~generation() = default;

    const settings::configuration& configuration() const { return configuration_; }

    const std::vector<dated_certificate>& certificates() const { return certificates_; }

    std::vector<listener_parts> take_listeners() { return std::move(listeners_); }

    /// Takes over what is known of names and places that stay. Before `look`.
    void learn_from(const generation& before);

    /// Asks for every name and has every place prove itself, once.
    net::awaitable<net::first_look> look() { return discovery_->look(); }

    bool is_any_proved() const { return discovery_->is_any_proved(); }

    /// What is amiss with names and places, a line each.
    std::string trouble() const;

    /// Publishes members from now on, and goes on looking: also for files that change.
    void go_on(net::discovery::publisher publish, std::function<void()> file_changed);

    net::awaitable<void> stop();

    net::discovery& discovery() { return *discovery_; }

    const net::discovery& discovery() const { return *discovery_; }

    net::session_plan plan_with(policy::cluster cluster) const;

    net::spare_options spares() const;

    /// How long no node may be usable before roachpin counts as not ready.
    core::duration readiness_hold() const {
        return configuration_.health.interval * configuration_.health.fall;
    }

    std::shared_ptr<const tls::upstream_context> upstream() const { return upstream_; }

    /// By what live sessions are judged when this comes into force.
    std::shared_ptr<const net::review_rules> review_until(core::time_point latest) const;

private:
    net::awaitable<void> watch_files(std::function<void()> file_changed);

    settings::configuration configuration_;
    net::file_watch files_;
    std::vector<listener_parts> listeners_;
    std::vector<dated_certificate> certificates_;
    std::vector<policy::node> nodes_;
    std::vector<net::resolved_name> names_;
    std::shared_ptr<const tls::upstream_context> upstream_;
    std::unique_ptr<net::resolver> resolver_;
    std::unique_ptr<net::discovery> discovery_;
    net::task_group looking_;
};

/// Data-plane threads.
unsigned worker_count(const settings::configuration& from);

/// What it takes in file descriptors.
descriptor_needs needs_of(const settings::configuration& from);

/// The keys that differ and need a restart to take effect, for people; empty where there are none.
std::string needs_restart(const settings::configuration& running,
                          const settings::configuration& next);

} // namespace roachpin::app
