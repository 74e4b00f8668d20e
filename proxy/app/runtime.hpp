#pragma once

#include "app/generation.hpp"
#include "app/listeners.hpp"
#include "app/load.hpp"
#include "app/service_manager.hpp"
#include "app/status_report.hpp"
#include "core/event_sink.hpp"
#include "net/cancel_registry.hpp"
#include "net/listening_socket.hpp"
#include "net/published.hpp"
#include "net/session.hpp"
#include "net/spare_pool.hpp"
#include "net/task_group.hpp"
#include "net/worker.hpp"
#include "policy/readiness.hpp"
#include "telemetry/admin_pages.hpp"
#include "telemetry/control_server.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/recent_events.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace roachpin::app {

/// Who remembers events for the admin server. They outlive whoever emits.
struct witnesses {
    const telemetry::log& log;
    telemetry::metrics& metrics;
    telemetry::recent_events& recent;
};

/// A running proxy: the composition root. Owns every part, starts each when what it stands on is
/// there, and stops them in the reverse order. The thread that runs it is the control thread.
class runtime {
public:
    /// `log_changed` hears of a reload's log section. `seen`: what hears of all `events`.
    runtime(configuration_source source, prepared from, core::event_source& events, witnesses seen,
            std::function<void(const settings::log&)> log_changed);
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;
    ~runtime() = default;

    /// Asks for every name and has every address prove itself. Sentences where this must not go on
    /// (start: fail_fast): an answer that was refused, an address that is hostile, or nothing to
    /// be used at all. With start: wait there are none, and nothing was asked yet.
    std::vector<std::string> look_around();

    /// Makes room for descriptors, binds every listener, the admin server and the control socket,
    /// and then writes
    /// export files; nothing is accepted yet. A sentence for each that cannot be: what another
    /// process has open or had written is then untouched.
    std::vector<std::string> open_listeners();

    /// Serves until SIGTERM, SIGINT or the control socket's word, then drains: goes on accepting
    /// for drain.delay, stops accepting, ends sessions that are idle, lets the others end, cancels
    /// those that are left after drain.timeout. A second signal ends the process at once.
    void run();

private:
    void publish(std::vector<policy::member> members);
    void note_trouble(const net::place_trouble& trouble);

    void start();
    net::awaitable<void> serve();

    void go_on();
    void want_reload(std::string why);
    net::awaitable<void> reload_on_hangup();
    net::awaitable<void> keep_reloading();
    net::awaitable<void> reload(std::string why);
    net::awaitable<problems> try_reload(const std::string& why);
    net::awaitable<void> take_over(std::unique_ptr<generation> next, listeners::staged staged);
    net::awaitable<std::size_t> review_sessions();

    std::map<std::string, octets> passed() const;
    std::vector<telemetry::node_report> report_nodes() const;
    telemetry::totals totals() const;
    telemetry::status status() const;
    telemetry::admin_source admin_source();
    void note_subjects();
    void note_readiness(core::time_point now);
    std::optional<std::string> why_not_ready(telemetry::readiness_mode mode) const;
    std::optional<std::string> why_not_live() const;
    void take_sample();
    net::awaitable<void> keep_looking_at_itself();
    net::awaitable<void> keep_alive();
    std::map<std::string, telemetry::control_handler> control_handlers();
    void want_stop(bool at_once);
    net::awaitable<void> drain();
    net::awaitable<std::size_t> stop_workers();

    configuration_source source_;
    core::event_source& events_;
    witnesses seen_;
    std::function<void(const settings::log&)> log_changed_;
    service_manager manager_ = service_manager::from_environment();
    bool proved_once_ = false; ///< some node was usable: nobody is told to wait any more

    net::asio::io_context control_{1};
    std::unique_ptr<generation> now_;            ///< never null
    const settings::configuration started_with_; ///< for the keys that only a restart changes
    net::published<net::session_plan> plan_;
    net::slot_counter connections_;
    net::opening_places places_;
    net::cancel_registry cancels_;
    net::spare_pool spares_;
    net::data_plane plane_;
    listeners listeners_;
    std::optional<listeners::staged> staged_; ///< from `open_listeners` to `start`
    std::optional<net::listening_socket> admin_socket_;
    std::optional<net::listening_socket> control_socket_;
    net::task_group serving_; ///< what runs until the drain
    net::task_group keeping_; ///< what runs until the end
    net::timer reload_wanted_;
    std::string reload_why_; ///< empty: none is wanted
    net::timer stop_wanted_;
    std::size_t silent_workers_ = 0; ///< that have not answered the last ping
    core::time_point alive_at_{};    ///< when all had answered
    const telemetry::wall_time started_at_ = std::chrono::system_clock::now();
    telemetry::wall_time configured_at_ = started_at_;
    telemetry::reload_status last_reload_{started_at_, true, "start", ""};
    policy::readiness ready_anywhere_;
    policy::readiness ready_everywhere_;
    std::deque<telemetry::sample> samples_; ///< oldest first
    bool workers_end_ = false; ///< each with its last session: they do not answer any more
    bool stopping_ = false;
    bool stop_at_once_ = false; ///< without drain.delay
    worker_pool workers_;       ///< last: destroyed, and so joined, first
};

} // namespace roachpin::app
