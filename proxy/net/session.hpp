#pragma once

#include "core/event_sink.hpp"
#include "net/byte_stream.hpp"
#include "net/cancel_registry.hpp"
#include "net/dial.hpp"
#include "net/listener.hpp"
#include "net/published.hpp"
#include "net/slots.hpp"
#include "net/spare_pool.hpp"
#include "net/splice.hpp"
#include "net/tcp_options.hpp"
#include "policy/cluster.hpp"
#include "tls/upstream_context.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace roachpin::net {

struct session_timeouts {
    core::duration client_opening = std::chrono::seconds(10);
    core::duration dial = std::chrono::seconds(5);       ///< and for a node's first answer
    core::duration establish = std::chrono::seconds(15); ///< all tries for one client
    splice_options splice;
};

/// A session is retired after `max` (zero: never), less a part of up to `jitter` that is chance.
struct lifetime_options {
    core::duration max{};
    double jitter = 0.1;
};

/// What sessions go by. A reload replaces it as a whole; who has read it keeps what it was.
struct session_plan {
    policy::cluster cluster;
    std::shared_ptr<const tls::upstream_context> upstream;
    session_timeouts timeouts{};
    keepalive_options keepalive{};
    lifetime_options lifetime{};
    core::duration proof_lasts{}; ///< how old a place's last proof may be, for passthrough
};

/// What was found out about a place by a session that could not be had there.
struct place_trouble {
    core::host_name host;
    core::endpoint where;
    dial_failure why;
};

/// What all sessions share, on any thread. Outlives them.
struct data_plane {
    const published<session_plan>& plan;
    core::event_source& events;
    slot_counter& connections; ///< limits.max_connections
    cancel_registry& cancels;
    spare_pool* spares = nullptr;      ///< null: every session dials
    std::atomic<std::size_t> turn = 0; ///< spreads sessions over a tier's places
    std::atomic<bool> draining =
        false; ///< sessions end when they are idle, new ones are turned away
    std::atomic<std::uint64_t> next_connection = 1;
    std::function<void(place_trouble)> trouble = [](const place_trouble&) {
    }; ///< any thread
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
awaitable<void> run_session(data_plane& plane, std::shared_ptr<listener> by, worker_share share,
                            accepted_client accepted);

} // namespace roachpin::net
