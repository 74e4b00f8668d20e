#pragma once

#include "core/time.hpp"
#include "net/asio.hpp"
#include "net/live_sessions.hpp"
#include "net/pipe_pool.hpp"
#include "net/poller.hpp"
#include "net/retirement.hpp"
#include "net/traffic.hpp"
#include "net/upstream_stream.hpp"
#include "pgwire/conversation.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace roachpin::net {

struct splice_options {
    core::duration idle{}; ///< no octet either way for this long ends the session; zero: never
    core::duration half_close = std::chrono::seconds(10); ///< from one side's end to the other's
    traffic* counted = nullptr; ///< octets are added here as they pass; null: nowhere
};

/// What ended a session first.
enum class splice_end {
    client_closed,
    node_closed,
    client_lost, ///< reset, or FIN inside TLS without close_notify
    node_lost,   ///< the same of the node, or its end before it had said anything
    idle_timeout,
    half_close_timeout, ///< one side had ended, the other did not in time
    retired,            ///< its end was ordered, and came when nothing was under way
    cut,                ///< its end was ordered, and nothing but the deadline ended it
    cancelled,          ///< roachpin is stopping
};

std::string_view to_string(splice_end end);

struct splice_result {
    splice_end end = splice_end::cancelled;
    std::uint64_t bytes_to_node = 0;
    std::uint64_t bytes_to_client = 0;
    /// The node's last message to the client is whole, and is no ErrorResponse: an ErrorResponse of
    /// ours may follow it.
    bool may_tell_client = false;
    error_code cause{}; ///< why a side was lost, where that is known: a reset, a TLS alert
};

/// What all sessions of a worker share.
struct worker_share {
    std::span<std::uint8_t> scratch; ///< holds nothing across a wait
    poller& sockets;
    live_sessions& live;
    pipe_pool& pipes;
    traffic_by_node& passed;
};

/// What a session brings along when its octets begin to flow.
struct splice_start {
    pgwire::conversation so_far{}; ///< what the client has said, behind its StartupMessage, to the
                                   ///< node; of the node nothing
    core::bytes first_words{};     ///< the node's first octets, for the client
    core::time_point lifetime_ends = core::time_point::max(); ///< then it is retired
    /// Called once, where the node gives a cancel key.
    std::function<void(core::bytes)> on_cancel_key{};
};

/// Passes octets both ways until both sides have ended, or one is lost. A side that takes nothing
/// stops the other's reading: at most one scratch buffer is held for it. When `bell` rings, the
/// session ends as soon as no statement is under way, no transaction open, and no octet of the
/// client unread.
///
/// Runs where `client` does. The streams and `bell` must outlive the call.
awaitable<splice_result> splice(byte_stream& client, upstream_stream& node, worker_share share,
                                splice_options options, retirement_bell& bell,
                                std::unique_ptr<splice_start> start);

} // namespace roachpin::net
