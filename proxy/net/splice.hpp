#pragma once

#include "core/time.hpp"
#include "net/asio.hpp"
#include "net/poller.hpp"
#include "net/upstream_stream.hpp"
#include "pgwire/message_boundary.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace roachpin::net {

struct splice_options {
    core::duration idle{}; ///< no octet either way for this long ends the session; zero: never
    core::duration half_close = std::chrono::seconds(10); ///< from one side's end to the other's
};

/// What ended a session first.
enum class splice_end {
    client_closed,
    node_closed,
    client_lost, ///< reset, or FIN inside TLS without close_notify
    node_lost,   ///< the same of the node, or its end before it had said anything
    idle_timeout,
    half_close_timeout, ///< one side had ended, the other did not in time
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
};

/// Passes octets both ways until both sides have ended, or one is lost. A side that takes nothing
/// stops the other's reading: at most one scratch buffer is held for it.
///
/// Runs where `client` does. `sent_ahead`: how far the client's messages came in what the node has
/// of them already. The streams must outlive the call.
awaitable<splice_result> splice(byte_stream& client, upstream_stream& node, worker_share share,
                                splice_options options, pgwire::message_boundary sent_ahead = {});

} // namespace roachpin::net
