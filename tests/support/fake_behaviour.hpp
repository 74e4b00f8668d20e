#pragma once

#include <optional>
#include <span>
#include <string_view>

/// What a fake node does with a connection. The rows are those of CockroachDB's measured and
/// documented behaviour, then the ways in which a stranger at its address could answer. Any
/// combination is possible; the useful ones have names.
namespace roachpin::test {

/// Whose habits are played where they differ.
enum class node_release {
    v19_1, // measured: severity ERROR, no BackendKeyData, CancelRequest and GSSENCRequest → EOF
    v22_1, // severity FATAL, BackendKeyData, cancel works, GSSENCRequest → 08P01
    v26_1, // also NegotiateProtocolVersion instead of an error for minor versions
};

enum class node_state {
    serving,
    insecure,    // `N` to SSLRequest, and serves in the clear
    before_init, // accepts TCP and never answers
    draining,    // 57P01 after the StartupMessage, before authentication
    full,        // 53300, likewise
};

enum class ssl_answer {
    accept,           // `S`, then the handshake
    refuse,           // `N`, although the node is secure; then it waits
    error_response,   // an ErrorResponse in the clear, then it closes: as an old server does
    accept_and_extra, // `S` and fake_cockroach_options::extra_bytes in one segment, then the
                      // handshake
    http_response,    // a web server lives here: 400 Bad Request, closed
    garbage,          // one byte that is neither: 0x00
};

/// The moments at which a fault may strike: right *after* what is named.
enum class session_step {
    accepted,
    ssl_request,  // read, unanswered
    client_hello, // `S` was sent and the ClientHello read, unanswered
    handshake,    // completed
    startup,      // the StartupMessage was read, unanswered
};

enum class fault_kind {
    hang,  // reads (and records) whatever comes, answers nothing, until the client leaves
    reset, // RST
    close, // FIN; inside TLS with close_notify first
};

struct session_fault {
    session_step after = session_step::accepted;
    fault_kind kind = fault_kind::hang;
};

/// What happens after the login.
enum class session_mode {
    sql,          // every Query is answered with one row, one text column: the SQL itself
    raw_echo,     // every byte comes back; on close_notify the rest is sent, then ours
    raw_flood,    // flood_bytes of flood_pattern, then close_notify; reads meanwhile
    raw_sink,     // reads and hashes; on the client's close_notify it closes
    stop_reading, // reads nothing until fake_cockroach::resume, then as raw_sink
};

struct behaviour {
    node_release release = node_release::v22_1;
    node_state state = node_state::serving;
    ssl_answer answer = ssl_answer::accept;
    std::optional<session_fault> fault = {};
    session_mode session = session_mode::sql;
};

struct named_behaviour {
    std::string_view name; // "reset-after-client-hello"
    std::string_view summary;
    behaviour plays;
};

/// All names, in the order in which `fake_cockroach --list-behaviours` prints them.
[[nodiscard]] std::span<const named_behaviour> named_behaviours();

/// Throws std::invalid_argument for a name that is none.
[[nodiscard]] behaviour behaviour_named(std::string_view name);

} // namespace roachpin::test
