#pragma once

#include "core/error.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What happens in roachpin, as values. Logic emits events; the log, metrics and the status page
/// are their readers. No event type has a field for a password, a key or payload.
namespace roachpin::core {

/// Unique within a process; printed as 16 hexadecimal digits.
enum class event_id : std::uint64_t {};
enum class connection_id : std::uint64_t {};

std::string to_string(event_id id);
std::string to_string(connection_id id);

/// Who a client connection is; fields are empty until they are known.
struct client_facts {
    connection_id connection{};
    std::string client;   ///< peer address, or "uid:1000" on a unix socket
    std::string listener; ///< the bind it came in by
    std::string user;
    std::string database;
    std::string application_name;
};

/// One address of one node.
struct node_facts {
    std::string node;    ///< the configured host
    std::string address; ///< the endpoint dialled
};

namespace events {

/// A listener accepts connections.
struct listening {
    std::string listener;
    std::string tls; ///< "none", "offered" or "required"
};

/// Everything that was configured is up.
struct started {
    std::string version;
    unsigned workers = 0;
    std::string libraries;
};

/// The admin server answers.
struct admin_listening {
    std::string address;
};

/// A certificate for local TLS was made, in memory.
struct local_certificate_made {
    std::string listener;
    std::string export_file; ///< empty where none is written
};

/// A client's opening or its wish to connect was refused.
struct client_refused {
    client_facts client;
    std::string sqlstate;
    std::string reason;
    std::string detail;
    bool told = true; ///< false: it could not have read it, and was only closed
};

/// A client went away before it had said what it wants.
struct client_gone {
    client_facts client;
    std::string reason;
    bool in_handshake = false; ///< of the listener's TLS, whose certificate it may not have liked
    bool said_nothing = false; ///< a probe of the port: counted, not logged
};

/// A client has said what it wants, whatever comes of it.
struct client_opened {
    client_facts client;
    clock::duration took{}; ///< since it was accepted
};

/// Bytes flow between a client and a node verified on this very connection.
struct session_established {
    client_facts client;
    node_facts node;
    unsigned dials = 0;     ///< how many were tried, this one included
    clock::duration took{}; ///< from the StartupMessage to here
};

struct session_ended {
    client_facts client;
    node_facts node;
    std::string reason;
    std::string detail; ///< what the system or TLS said, where a side was lost
    std::uint64_t bytes_to_node = 0;
    std::uint64_t bytes_to_client = 0;
    duration took{};
    bool routine = true; ///< false: cut by a failure
};

/// roachpin has dialled a node's address: for a session, to keep a connection ready, or to see
/// whether the node proves itself.
struct dialled {
    node_facts node;
    std::string result; ///< "proved", "down", "hostile"; "reached", where TLS is the client's;
                        ///< "not_dialled": roachpin itself had no descriptor, no memory
    std::string reason; ///< of a failure: a label
    /// What each phase took that was completed.
    std::optional<clock::duration> tcp{};
    std::optional<clock::duration> sslrequest{};
    std::optional<clock::duration> tls{};
};

/// One dial of one address failed. `hostile`: the node was reached and failed its proof.
struct dial_failed {
    client_facts client;
    node_facts node;
    std::string phase;
    std::string reason;
    std::string detail;
    bool hostile = false;
};

/// A session was not to be had at one place, before authentication: its StartupMessage goes to the
/// next one.
struct startup_replayed {
    client_facts client;
    node_facts node; ///< the next
    std::string reason;
};

struct cancel_forwarded {
    client_facts client;
    node_facts node;
    bool owner = false; ///< it is the node that gave the key
};

struct cancel_failed {
    client_facts client;
    std::string reason;
};

struct accept_failed {
    std::string listener;
    std::string reason;
    duration retry_after{};
};

/// A listener is not configured any more; its sessions are retired.
struct listener_closed {
    std::string listener;
};

struct draining {
    std::size_t connections = 0;
    duration delay{}; ///< connections are accepted so long
    duration timeout{};
};

struct drained {
    std::size_t cancelled = 0; ///< sessions that were still open at the deadline
};

/// Octets from a DNS server, or from somebody who pretends to be one, that are no proper reply.
struct dns_reply_refused {
    std::string host; ///< what was asked for
    std::string server;
    std::string reason;
    std::string detail;
    std::size_t number = 1; ///< of datagrams
};

/// A server was asked for a node's name.
struct dns_asked {
    std::string host; ///< the node's
    std::string server;
    std::string result; ///< "answered", or a label: "nxdomain", "unreachable", "malformed"
    clock::duration took{};
};

/// What a server says of a host was refused, or it said nothing.
struct dns_answer_refused {
    std::string host;
    std::string server;
    std::string reason;
    std::string finding; ///< its id in `roachpin check`
    std::string detail;
    bool is_silence = false; ///< nothing was said that could be refused
    bool news = true;        ///< false: the same as the server's last; counted, not logged
};

/// A server whose answers were refused, or that gave none, has given a clean one.
struct dns_answers_again {
    std::string host;
    std::string server;
};

/// Servers contradict each other.
struct dns_servers_disagree {
    std::string host;
    std::string servers; ///< the dissenters
    std::string detail;
};

/// Addresses inside the allowlist that are not in roachpin.lock (lock.addresses: report).
struct lock_drift {
    std::string host;
    std::string addresses;
};

/// A node's certificate has a key that is not in roachpin.lock. It proved itself: leaves rotate.
struct leaf_not_in_lock {
    node_facts node;
    std::string leaf_spki;
};

/// The addresses a host may have are others now; they are proved before they are used.
struct names_changed {
    std::string host;
    std::string before;
    std::string after;
    bool rapid = false; ///< more than half of them at once
};

/// No server has given a clean answer for `resolver.max_stale`: the addresses are not used for new
/// sessions any more. `stale` false: there is one again.
struct names_stale {
    std::string host;
    bool stale = true;
};

/// An address proved to be the node; a resolved one is in rotation from now on.
struct address_admitted {
    node_facts node;
};

/// An address could not be used, or not be reached, or did not prove to be the node; it is tried
/// again. Told where it is news.
struct address_not_proved {
    node_facts node;
    std::string state; ///< "failing": still in use; "down", "hostile", "not_ready": out of use
    std::string phase;
    std::string reason;
    std::string detail;
    bool hostile = false;
    duration retry_after{};
};

/// The configuration and its files were read anew and are in force.
struct reloaded {
    std::string why;           ///< "SIGHUP", "a file changed", "the control socket"
    std::string needs_restart; ///< keys that changed and are not in force
    std::size_t retiring = 0;  ///< sessions that would not be let in any more
};

/// They were read anew, and the old ones stay in force.
struct reload_failed {
    std::string why;
    std::string reason; ///< every problem, a line each
};

/// No node can be used yet (start: wait).
struct waiting_for_nodes {
    std::string reason;
};

/// A bug: something threw that must not. The connection ended, the process goes on.
struct internal_error {
    client_facts client;
    std::string reason;
};

} // namespace events

using event = std::variant<
    events::listening, events::admin_listening, events::started, events::local_certificate_made,
    events::client_refused, events::client_gone, events::client_opened, events::session_established,
    events::session_ended, events::dialled, events::dial_failed, events::startup_replayed,
    events::cancel_forwarded, events::cancel_failed, events::accept_failed, events::listener_closed,
    events::draining, events::drained, events::dns_asked, events::dns_reply_refused,
    events::dns_answer_refused, events::dns_answers_again, events::dns_servers_disagree,
    events::lock_drift, events::leaf_not_in_lock, events::names_changed, events::names_stale,
    events::address_admitted, events::address_not_proved, events::reloaded, events::reload_failed,
    events::waiting_for_nodes, events::internal_error>;

} // namespace roachpin::core
