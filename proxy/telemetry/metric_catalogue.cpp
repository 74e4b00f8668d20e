#include "telemetry/metric_catalogue.hpp"

#include <algorithm>
#include <stdexcept>

namespace roachpin::telemetry {
namespace {

using enum metric_kind;

/// Of a handshake, a query: from half a millisecond on.
const std::vector<double> short_waits{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                      0.1,    0.25,  0.5,    1,     2.5,  5};

/// Of what may try one node after the other.
const std::vector<double> long_waits{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                     0.25,  0.5,    1,     2.5,  5,     10,   15};

/// From a second to a day.
const std::vector<double> lifetimes{1, 10, 60, 300, 1800, 3600, 14400, 86400};

} // namespace

std::string_view to_string(metric_kind kind) {
    switch (kind) {
    case counter:
        return "counter";
    case gauge:
        return "gauge";
    case histogram:
        break;
    }
    return "histogram";
}

const std::vector<metric_description>& metric_catalogue() {
    static const std::vector<metric_description> all{
        {"roachpin_build_info", gauge, "1; what is running.", {"version"}},
        {"roachpin_ready", gauge, "Whether /readyz says so: some verified node can be used."},
        {"roachpin_config_reloads_total",
         counter,
         "Reloads; result is success or failure.",
         {"result"}},
        {"roachpin_config_last_reload_success_timestamp_seconds", gauge,
         "When the configuration in force was read."},
        {"roachpin_log_lines_lost_total", counter,
         "Log lines that were dropped: nobody read them, or a full disk did not take them."},
        {"roachpin_internal_errors_total", counter, "Events internal_error."},
        {"roachpin_accept_failures_total",
         counter,
         "Clients that waited to be accepted while there was no descriptor or memory: events "
         "accept_failed.",
         {"listener"}},
        {"roachpin_client_connections_total",
         counter,
         "Client connections, once it is known what became of them; result is session, refused, "
         "gone (before it had said what it wants, or while a node was dialled), cancel, or probe "
         "(closed without a byte).",
         {"listener", "result"}},
        {"roachpin_client_connections_active",
         gauge,
         "Sessions, and those that a node is looked for.",
         {"listener"}},
        {"roachpin_client_connections_limit", gauge, "listeners[].max_connections.", {"listener"}},
        {"roachpin_connections_active", gauge, "The same over all listeners."},
        {"roachpin_connections_limit", gauge, "limits.max_connections."},
        {"roachpin_client_rejections_total",
         counter,
         "Clients that were refused; reason is that of the event client_refused.",
         {"listener", "reason"}},
        {"roachpin_client_opening_seconds",
         histogram,
         "From accepting a client to knowing what it wants.",
         {},
         long_waits},
        {"roachpin_establish_seconds",
         histogram,
         "From the StartupMessage to a verified node that has answered it.",
         {"node"},
         long_waits},
        {"roachpin_session_seconds", histogram, "How long sessions lasted.", {}, lifetimes},
        {"roachpin_session_ends_total",
         counter,
         "Sessions that ended; reason is that of the event session_ended.",
         {"reason"}},
        {"roachpin_bytes_total",
         counter,
         "Octets passed, of the sessions that are under way, too; direction is to_node or "
         "to_client.",
         {"node", "direction"}},
        {"roachpin_startup_replays_total",
         counter,
         "StartupMessages that went to another node; reason is why the one before did not have "
         "it.",
         {"reason"}},
        {"roachpin_cancel_requests_total",
         counter,
         "Cancel requests; result is owner or other (the node it reached), not_admitted, "
         "rate_limited or no_node_reached.",
         {"result"}},
        {"roachpin_upstream_dials_total",
         counter,
         "Dials of a node, of sessions, probes and spares; result is proved, down, hostile, "
         "reached (passthrough), or not_dialled (no descriptors, no memory).",
         {"node", "result"}},
        {"roachpin_upstream_dial_seconds",
         histogram,
         "What a phase of a dial took, where it was completed; phase is tcp, sslrequest or tls.",
         {"node", "phase"},
         short_waits},
        {"roachpin_upstream_verification_failures_total",
         counter,
         "Dials that reached something which did not prove to be the node.",
         {"node", "reason"}},
        {"roachpin_upstream_spares", gauge, "Verified connections kept ready.", {"node"}},
        {"roachpin_node_state",
         gauge,
         "1 for the state an address is in, 0 for the others; state is unknown, ready, failing, "
         "down, hostile or not_ready.",
         {"node", "address", "state"}},
        {"roachpin_node_connections", gauge, "Sessions at an address.", {"node", "address"}},
        {"roachpin_node_certificate_not_after_timestamp_seconds",
         gauge,
         "When the certificate ends that a node last proved itself with.",
         {"node", "address"}},
        {"roachpin_ca_certificate_not_after_timestamp_seconds",
         gauge,
         "When a root in ca_file ends.",
         {"subject"}},
        {"roachpin_local_certificate_not_after_timestamp_seconds",
         gauge,
         "When a certificate of roachpin's own ends: a listener's, or the one shown to nodes.",
         {"what", "subject"}},
        {"roachpin_dns_queries_total",
         counter,
         "Questions for a node's name, all records of it together; result is answered, refused (by "
         "the policy), nxdomain, nodata, servfail, unreachable, malformed, dangling_alias or "
         "dnssec_bogus.",
         {"host", "server", "result"}},
        {"roachpin_dns_query_seconds", histogram, "What they took.", {"server"}, short_waits},
        {"roachpin_dns_answers_refused_total",
         counter,
         "Answers that are not believed; reason is the rule they broke.",
         {"host", "reason"}},
        {"roachpin_dns_forged_replies_total",
         counter,
         "Datagrams that pretended to be a server's reply.",
         {"server"}},
        {"roachpin_dns_last_success_timestamp_seconds",
         gauge,
         "When enough servers last gave a clean answer.",
         {"host"}},
        {"roachpin_dns_addresses",
         gauge,
         "Addresses of a name; state is usable, waiting (too few servers name it) or "
         "outside_lock (of those that are usable).",
         {"host", "state"}},
        {"roachpin_dns_stale",
         gauge,
         "1: no clean answer for resolver.max_stale, the host is not used for new sessions.",
         {"host"}},
        {"process_cpu_seconds_total", counter, "User and system CPU time spent."},
        {"process_resident_memory_bytes", gauge, "Resident memory."},
        {"process_virtual_memory_bytes", gauge, "Virtual memory."},
        {"process_open_fds", gauge, "Open file descriptors."},
        {"process_max_fds", gauge, "The limit of open file descriptors."},
        {"process_threads", gauge, "Threads."},
        {"process_start_time_seconds", gauge, "When the process started."},
    };
    return all;
}

const metric_description& describe_metric(std::string_view name) {
    const auto& all = metric_catalogue();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    if (found == all.end()) {
        throw std::logic_error("no metric " + std::string(name));
    }
    return *found;
}

} // namespace roachpin::telemetry
