#pragma once

#include "core/event_sink.hpp"
#include "core/time.hpp"
#include "net/asio.hpp"
#include "net/passthrough_stream.hpp"
#include "net/tcp_options.hpp"
#include "net/upstream_stream.hpp"
#include "policy/cluster.hpp"
#include "policy/recent_proof.hpp"
#include "tls/upstream_context.hpp"

#include <boost/system/result.hpp>

#include <string>
#include <string_view>

namespace roachpin::net {

/// `startup`: the node proved itself and heard the StartupMessage; what it said first was no.
enum class dial_phase { tcp, sslrequest, tls, startup };

std::string_view to_string(dial_phase phase);

/// The reason of a failure that is roachpin's own: no descriptors, no memory.
inline constexpr std::string_view out_of_resources = "out_of_resources";

/// Why a dial failed.
struct dial_failure {
    dial_phase phase = dial_phase::tcp;
    std::string reason;     ///< a label: "refused", "timeout", "wrong_name"; from a fixed set
    std::string detail;     ///< a sentence: what was expected, what was seen
    bool hostile = false;   ///< reached, and did not prove itself; otherwise it is merely down
    std::string sqlstate{}; ///< of phase `startup`: the node's own, where it gave one
};

using dial_result = boost::system::result<upstream_stream, dial_failure>;

/// How TLS begins: nodes are asked for it (PostgreSQL's SSLRequest), a DNS server is not (RFC
/// 7858).
enum class before_tls { ssl_request, nothing };

/// Connects to `to.where`, asks for TLS, and has the node prove that it is `to.target`. Sends
/// SSLRequest and the TLS handshake and nothing else. `context` must outlive the call.
///
/// `told`, here and below: where given, hears what came of it (events::dialled).
awaitable<dial_result> dial(policy::candidate to, const tls::upstream_context& context,
                            keepalive_options keepalive, core::time_point deadline,
                            before_tls first = before_tls::ssl_request,
                            core::event_source* told = nullptr);

/// Connects to an address that proved itself lately and has it agree to TLS: SSLRequest, answered
/// by 'S' and nothing behind it. Nothing else is sent, and nothing is proved here: who answers now
/// is for the client's own TLS to judge.
awaitable<passthrough_result> dial_passthrough(policy::recent_proof to, keepalive_options keepalive,
                                               core::time_point deadline,
                                               core::event_source* told = nullptr);

using inspection = boost::system::result<tls::peer_facts, dial_failure>;

/// Dials as a session would, closes the connection, and gives back what the node proved on it.
awaitable<inspection> inspect(policy::candidate to, const tls::upstream_context& context,
                              core::time_point deadline, core::event_source* told = nullptr);

} // namespace roachpin::net
