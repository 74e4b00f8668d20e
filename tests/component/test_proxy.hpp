#pragma once

#include "component/event_recorder.hpp"
#include "net/accept_loop.hpp"
#include "net/listening_socket.hpp"
#include "net/review.hpp"
#include "net/session.hpp"
#include "net/task_group.hpp"
#include "net/worker.hpp"
#include "support/fake_cockroach.hpp"
#include "support/loopback_client.hpp"
#include "support/temp_dir.hpp"
#include "support/test_pki.hpp"

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace roachpin::test {

inline const std::string node_name = "crdb-0.crdb.internal";

/// What a test's proxy is made of. PEM texts, as test_pki makes them.
struct test_proxy_options {
    std::string ca_pem;
    std::string crl_pem;
    std::vector<core::spki_pin> pins;
    std::vector<core::spki_pin> revoked;
    core::tls_version min_tls = core::tls_version::v1_2;
    std::optional<identity> client_certificate; ///< towards the nodes
    std::vector<policy::node> nodes;

    std::string bind = "127.0.0.1:0";
    std::optional<identity> local_certificate; ///< set: the listener offers TLS
    std::string client_ca_pem;
    policy::admission_rules admission{
        {core::cidr::parse("127.0.0.0/8").value(), core::cidr::parse("::1/128").value()},
        {},
        false};
    mode_t unix_mode = 0660;
    std::size_t max_connections = 1024;
    std::size_t all_connections = 4096;
    std::size_t max_opening = 256;
    net::session_timeouts timeouts{};
    net::lifetime_options lifetime{};
    core::duration proof_lasts = std::chrono::seconds(10);
    net::listener_mode mode = net::listener_mode::originate;
    policy::balance balance = policy::balance::round_robin;
    std::size_t spares = 0; ///< of each place
    unsigned workers = 2;
};

/// A node at 127.0.0.1 and `port`.
policy::node node_at(std::uint16_t port, const std::string& host = node_name);

/// The data path with one listener, in this process: everything of the proxy but its
/// configuration and its signals.
class test_proxy {
public:
    explicit test_proxy(test_proxy_options options);
    ~test_proxy();
    test_proxy(const test_proxy&) = delete;
    test_proxy& operator=(const test_proxy&) = delete;

    std::uint16_t port() const;

    const core::bind_address& bound() const { return socket_->bound(); }

    event_recorder& events() { return recorder_; }

    std::size_t connections() const { return connections_.taken(); }

    /// Until there are no more than that: a session gives its places back after its last event.
    void wait_for_connections(std::size_t count) const;

    std::vector<std::size_t> loads() const;

    /// Until no worker serves anybody: by then every place, of the listener too, is given back.
    void wait_until_idle() const;

    /// The nodes' places, with their counters.
    std::vector<policy::candidate> places() const;

    loopback_client connect();
    /// Connects and logs in, in clear.
    loopback_client login();

    /// From now on openings are answered with 57P01.
    void begin_draining() { plane_->draining = true; }

    /// What a reload does to the data plane and the listener: other nodes, roots and pins, other
    /// rules for clients.
    void change(const test_proxy_options& to);

    /// The listener is not configured any more, as far as its sessions are concerned.
    void close_listener() { listener_->close(); }

    /// `act` runs while no worker does anything: what it sends arrives, and is not read before what
    /// it orders is heard.
    void while_workers_stand_still(const std::function<void()>& act);

    /// Orders the end of sessions that would not be let in under `rules`; how many.
    std::size_t review(const net::review_rules& rules);

    /// Orders the end of all sessions.
    void retire_all(const net::retirement& order);

    /// By the proxy's own dials, for passthrough: as if each node's places had just been proved.
    void prove_all();

    std::shared_ptr<const tls::upstream_context> upstream() const { return upstream_; }

    net::spare_pool& spares() { return *spares_; }

    /// What sessions have said so far of places that they could not be had at.
    std::vector<net::place_trouble> troubles() const;

    /// Stops accepting, lets sessions end until `patience` is over, cancels the rest; how many.
    std::size_t stop(core::duration patience);

private:
    net::session_plan plan_of(const test_proxy_options& from);
    tls::upstream_options upstream_options(const test_proxy_options& from);
    std::optional<tls::local_context> local_tls(const test_proxy_options& from);

    temp_dir files_;
    event_recorder recorder_;
    mutable std::mutex troubles_mutex_;
    std::vector<net::place_trouble> troubles_;
    core::event_source source_{{&recorder_}, 0x100};
    std::shared_ptr<const tls::upstream_context> upstream_;
    std::optional<net::published<net::session_plan>> plan_;
    net::asio::io_context control_{1};
    net::asio::executor_work_guard<net::executor> keep_running_{control_.get_executor()};
    net::slot_counter connections_;
    net::opening_places places_;
    net::cancel_registry cancels_{1000};
    std::unique_ptr<net::spare_pool> spares_;
    std::unique_ptr<net::data_plane> plane_;
    std::shared_ptr<net::listener> listener_;
    std::optional<net::listening_socket> socket_;
    net::task_group accepting_;
    net::task_group keeping_;
    std::vector<std::unique_ptr<net::worker>> workers_;
    bool stopped_ = false;
    std::thread thread_;
};

} // namespace roachpin::test
