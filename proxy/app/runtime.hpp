#pragma once

#include "app/assemble.hpp"
#include "core/event_sink.hpp"
#include "net/accept_loop.hpp"
#include "net/discovery.hpp"
#include "net/listening_socket.hpp"
#include "net/published.hpp"
#include "net/resolver.hpp"
#include "net/session.hpp"
#include "net/task_group.hpp"
#include "net/worker.hpp"

#include <memory>
#include <string>
#include <vector>

namespace roachpin::app {

/// A running proxy: the composition root. Owns every part, starts each when what it stands on is
/// there, and stops them in the reverse order. The thread that runs it is the control thread.
class runtime {
public:
    runtime(const settings::configuration& configuration, parts made, core::event_source& events);
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;
    ~runtime() = default;

    /// Asks for every name and has every address prove itself. Sentences where this must not go on
    /// (start: fail_fast): an answer that was refused, an address that is hostile, or nothing to
    /// be used at all. With start: wait there are none, and nothing was asked yet.
    std::vector<std::string> look_around();

    /// Binds every listener, and then writes export files; nothing is accepted yet. A sentence for
    /// each that cannot be: what another process has open or had written is then untouched.
    std::vector<std::string> open_listeners();

    /// Serves until SIGTERM or SIGINT, then drains: stops accepting, lets the sessions end, cancels
    /// those that are left after drain.timeout. A second signal ends the process at once.
    void run();

private:
    std::vector<std::string> export_certificates() const;
    void publish(std::vector<policy::node> in_rotation);
    net::awaitable<void> look_again_on_hangup();
    void start();
    net::awaitable<void> serve_until_signal();
    net::awaitable<void> drain();

    parts parts_;
    core::event_source& events_;
    core::duration drain_timeout_;
    unsigned worker_count_;
    bool may_wait_;            ///< start: wait
    bool proved_once_ = false; ///< some node was usable: nobody is told to wait any more

    net::asio::io_context control_{1};
    net::published<policy::cluster> cluster_;
    net::slot_counter connections_;
    net::opening_places places_;
    net::data_plane plane_;
    std::vector<std::unique_ptr<net::listener_rules>> listeners_; ///< sessions hold references
    std::vector<net::listening_socket> sockets_;
    net::task_group accepting_;
    std::unique_ptr<net::resolver> resolver_;
    std::unique_ptr<net::discovery> discovery_;
    net::task_group looking_;
    std::vector<std::unique_ptr<net::worker>> workers_; ///< last: destroyed, and so joined, first
};

} // namespace roachpin::app
