#pragma once

#include "core/event_sink.hpp"
#include "net/byte_stream.hpp"
#include "net/published.hpp"
#include "net/slots.hpp"
#include "net/splice.hpp"
#include "net/tcp_options.hpp"
#include "policy/admission.hpp"
#include "policy/cluster.hpp"
#include "tls/local_context.hpp"
#include "tls/upstream_context.hpp"

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace roachpin::net {

struct session_timeouts {
    core::duration client_opening = std::chrono::seconds(10);
    core::duration dial = std::chrono::seconds(5);
    core::duration establish = std::chrono::seconds(15); ///< all tries for one client
    splice_options splice;
};

/// What all sessions read, on any thread. Outlives them.
struct data_plane {
    const published<policy::cluster>& cluster;
    const tls::upstream_context& upstream;
    core::event_source& events;
    session_timeouts timeouts;
    keepalive_options keepalive;
    slot_counter& connections;          ///< limits.max_connections
    std::atomic<std::size_t> turn = 0;  ///< spreads sessions over a tier's addresses
    std::atomic<bool> draining = false; ///< openings that end now are turned away
    std::atomic<std::uint64_t> next_connection = 1;
    /// Called where a node could not be reached at an address, or did not prove itself. Any thread.
    std::function<void(const core::host_name&, const core::endpoint&)> trouble =
        [](const core::host_name&, const core::endpoint&) {
        };
};

/// What the sessions of one listener share. Outlives them.
struct listener_rules {
    std::string name; ///< the bound address, for logs
    policy::admission_rules admission;
    std::optional<tls::local_context> tls; ///< set: TLS is offered
    slot_counter connections;              ///< the listener's max_connections
};

/// Counts one connection of a worker as long as it lives.
class load_token {
public:
    explicit load_token(std::atomic<std::size_t>& load) : load_(&load) {}

    load_token(load_token&& other) noexcept : load_(std::exchange(other.load_, nullptr)) {}

    load_token& operator=(load_token&&) = delete;

    ~load_token() {
        if (load_ != nullptr) {
            load_->fetch_sub(1, std::memory_order_relaxed);
        }
    }

private:
    std::atomic<std::size_t>* load_;
};

/// A connection just accepted.
struct accepted_client {
    stream_socket socket;
    policy::client_identity identity;
    std::string peer; ///< for logs: "127.0.0.1:50112", "uid:1000"
    opening_places::place opening;
    load_token load;
};

/// One client connection from its first octet to its last: opening, admission, establishing,
/// splicing. Emits its events; ends without throwing except when cancelled, or by a bug.
awaitable<void> run_session(data_plane& plane, listener_rules& listener, worker_share share,
                            accepted_client accepted);

} // namespace roachpin::net
