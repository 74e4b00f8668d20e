#pragma once

#include "telemetry/event_line.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a running roachpin is at one moment, as plain values: /status, the page and the gauges of
/// /metrics are made of it and of nothing else. The control thread takes it for whoever asks.
///
/// Texts that come from the network are printable (core/printable.hpp), and may hold whatever else
/// HTML or JSON gives a meaning to.
namespace roachpin::telemetry {

using wall_time = std::chrono::system_clock::time_point;

/// A certificate that somebody trusts or shows.
struct certificate_status {
    std::string what; ///< "ca_file", "client_cert_file", "listeners[0].tls.cert_file", "auto"
    std::string subject;
    wall_time not_after{};
};

/// What a place proved in its last dial that held.
struct proof_status {
    wall_time at{};
    std::string subject;
    std::string issuer;
    wall_time not_after{};
    std::string tls_version; ///< "TLSv1.3"
    std::string leaf_spki;   ///< base64, as in roachpin.lock
};

/// One address of a node, which sessions may be given to.
struct place_report {
    std::string address;    ///< "10.1.2.3:26257"
    std::string state;      ///< policy::to_string(place_state): "ready", "hostile", …
    std::string reason;     ///< of a state that is not ready: a label
    std::string why;        ///< and a sentence
    std::string allowed_by; ///< "pinned", or the rule: "allow: 10.1.0.0/16"
    bool usable = false;    ///< sessions are given to it
    std::size_t connections = 0;
    std::size_t spares = 0;
    std::optional<proof_status> proof{};
};

/// What one DNS server last said of a node's name.
struct server_answer {
    std::string server; ///< as configured
    bool clean = false;
    bool refused = false; ///< it answered, and is not believed; otherwise it said nothing
    std::string reason;   ///< where it is not: a label
    std::string finding;
    std::string sentence; ///< what is amiss; of a clean answer empty
};

/// How a node's name stands. Of a node whose addresses are pinned there is none.
struct name_report {
    std::string asked; ///< the name: the host, or the SRV name
    bool stale = false;
    std::optional<wall_time> last_success{}; ///< the last round with enough clean answers
    std::vector<server_answer> servers{};
    std::string dissent{};                 ///< how they contradict each other
    std::size_t waiting_for_agreement = 0; ///< addresses that too few servers name
    std::vector<std::string> outside_lock{};
};

struct node_report {
    std::string host;
    unsigned tier = 0;
    std::vector<std::string> rules{}; ///< "allow: 10.1.0.0/16, fd00:1::/64", "deny: …", a line each
    std::vector<place_report> places{};
    std::optional<name_report> name{};
    std::uint64_t bytes_to_node = 0;
    std::uint64_t bytes_to_client = 0;
};

struct listener_report {
    std::string address; ///< as bound
    std::string mode;    ///< "originate", "passthrough"
    std::string tls;     ///< "none", "offered", "required"
    std::size_t connections = 0;
    std::size_t max_connections = 0;
};

/// What has happened since the start.
struct totals {
    std::uint64_t sessions = 0; ///< established
    std::uint64_t refused = 0;  ///< clients
    std::uint64_t bytes_to_node = 0;
    std::uint64_t bytes_to_client = 0;
    std::uint64_t dns_answers = 0;   ///< clean ones
    std::uint64_t dns_refused = 0;   ///< answers that are not believed
    std::uint64_t hostile_dials = 0; ///< nodes that did not prove themselves
};

/// The totals at one moment; what was in between is their difference.
struct sample {
    wall_time at{};
    totals until;
};

/// How far apart samples are, and how many are kept: half an hour.
inline constexpr auto sample_interval = std::chrono::seconds(10);
inline constexpr std::size_t most_samples = 180;

struct recent_event {
    wall_time at{};
    std::string id; ///< as clients are told
    event_line line;
};

struct reload_status {
    wall_time at{};
    bool succeeded = true;
    std::string why;    ///< "start", "SIGHUP", "a file changed", …
    std::string reason; ///< of a failure: every problem, a line each
};

struct status {
    std::string version;
    wall_time now{};
    wall_time started_at{};
    bool ready = false;              ///< what /readyz says
    bool draining = false;           ///< since a signal, or POST /drain
    std::string not_ready_because{}; ///< empty where `ready`
    wall_time configured_at{};       ///< when the configuration in force was read
    reload_status last_reload{};
    std::size_t connections = 0;
    std::size_t max_connections = 0;
    std::vector<listener_report> listeners{};
    std::vector<node_report> nodes{};
    std::vector<certificate_status> certificates{}; ///< trusted, and roachpin's own
    totals since_start{};
    std::size_t log_lines_lost = 0;
    std::vector<sample> history{};      ///< oldest first
    std::vector<recent_event> events{}; ///< newest first; none of sessions that went well
};

} // namespace roachpin::telemetry
