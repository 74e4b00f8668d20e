#include "telemetry/status_gauges.hpp"

#include "policy/roster.hpp"
#include "telemetry/metric_catalogue.hpp"
#include "telemetry/process_facts.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace roachpin::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

double seconds_of(wall_time when) {
    return std::chrono::duration<double>(when.time_since_epoch()).count();
}

constexpr std::array all_states{policy::place_state::unknown, policy::place_state::ready,
                                policy::place_state::failing, policy::place_state::down,
                                policy::place_state::hostile, policy::place_state::not_ready};

class gauges {
public:
    /// `values`: one for each of the metric's labels, in their order.
    void set(std::string_view name, std::vector<std::string> values, double value) {
        auto& family = family_of(describe_metric(name));
        ClientMetric metric;
        const auto& labels = describe_metric(name).labels;
        for (std::size_t i = 0; i < labels.size(); ++i) {
            metric.label.push_back({std::string(labels[i]), std::move(values[i])});
        }
        const bool is_there =
            std::any_of(family.metric.begin(), family.metric.end(),
                        [&](const auto& other) { return other.label == metric.label; });
        if (is_there) {
            return; // two roots of one name and key: a series twice would spoil the whole scrape
        }
        if (family.type == MetricType::Counter) {
            metric.counter.value = value;
        } else {
            metric.gauge.value = value;
        }
        family.metric.push_back(std::move(metric));
    }

    template <class Number>
    void set(std::string_view name, std::vector<std::string> values, Number value) {
        set(name, std::move(values), static_cast<double>(value));
    }

    std::vector<MetricFamily> take() { return std::move(families_); }

private:
    MetricFamily& family_of(const metric_description& what) {
        const auto found = std::find_if(families_.begin(), families_.end(),
                                        [&](const auto& one) { return one.name == what.name; });
        if (found != families_.end()) {
            return *found;
        }
        MetricFamily fresh;
        fresh.name = what.name;
        fresh.help = what.help;
        fresh.type = what.kind == metric_kind::counter ? MetricType::Counter : MetricType::Gauge;
        families_.push_back(std::move(fresh));
        return families_.back();
    }

    std::vector<MetricFamily> families_;
};

void show_place(const std::string& node, const place_report& place, gauges& into) {
    for (const auto state : all_states) {
        const std::string name(policy::to_string(state));
        into.set("roachpin_node_state", {node, place.address, name}, place.state == name ? 1 : 0);
    }
    into.set("roachpin_node_connections", {node, place.address}, place.connections);
    if (place.proof) {
        into.set("roachpin_node_certificate_not_after_timestamp_seconds", {node, place.address},
                 seconds_of(place.proof->not_after));
    }
}

void show_name(const std::string& host, const node_report& node, gauges& into) {
    const auto& name = *node.name;
    into.set("roachpin_dns_stale", {host}, name.stale ? 1 : 0);
    into.set("roachpin_dns_addresses", {host, "usable"}, node.places.size());
    into.set("roachpin_dns_addresses", {host, "waiting"}, name.waiting_for_agreement);
    into.set("roachpin_dns_addresses", {host, "outside_lock"}, name.outside_lock.size());
    if (name.last_success) {
        into.set("roachpin_dns_last_success_timestamp_seconds", {host},
                 seconds_of(*name.last_success));
    }
}

/// A name may stand for several nodes, which differ in their ports: their places are told apart by
/// address, what is the host's is added up.
void show_nodes(const status& now, gauges& into) {
    std::vector<std::string> hosts;
    for (const auto& node : now.nodes) {
        if (std::find(hosts.begin(), hosts.end(), node.host) != hosts.end()) {
            continue;
        }
        hosts.push_back(node.host);
        node_report whole{.host = node.host};
        for (const auto& one : now.nodes) {
            if (one.host == node.host) {
                whole.places.insert(whole.places.end(), one.places.begin(), one.places.end());
                whole.name = one.name ? one.name : whole.name;
            }
        }
        std::size_t spares = 0;
        for (const auto& place : whole.places) {
            show_place(node.host, place, into);
            spares += place.spares;
        }
        into.set("roachpin_upstream_spares", {node.host}, spares);
        into.set("roachpin_bytes_total", {node.host, "to_node"}, node.bytes_to_node);
        into.set("roachpin_bytes_total", {node.host, "to_client"}, node.bytes_to_client);
        if (whole.name) {
            show_name(node.host, whole, into);
        }
    }
}

void show_certificates(const status& now, gauges& into) {
    for (const auto& one : now.certificates) {
        const auto end = seconds_of(one.not_after);
        if (one.what == "cluster.ca_file") {
            into.set("roachpin_ca_certificate_not_after_timestamp_seconds", {one.subject}, end);
        } else {
            into.set("roachpin_local_certificate_not_after_timestamp_seconds",
                     {one.what, one.subject}, end);
        }
    }
}

void show_process(gauges& into) {
    const auto facts = read_process_facts();
    if (!facts) {
        return;
    }
    into.set("process_cpu_seconds_total", {}, facts->cpu_seconds);
    into.set("process_resident_memory_bytes", {}, facts->resident_bytes);
    into.set("process_virtual_memory_bytes", {}, facts->virtual_bytes);
    if (facts->open_descriptors > 0) {
        into.set("process_open_fds", {}, facts->open_descriptors);
    }
    into.set("process_max_fds", {}, facts->max_descriptors);
    into.set("process_threads", {}, facts->threads);
    into.set("process_start_time_seconds", {}, facts->started_at);
}

} // namespace

std::vector<MetricFamily> gauges_of(const status& now) {
    gauges into;
    into.set("roachpin_build_info", {now.version}, 1);
    into.set("roachpin_ready", {}, now.ready ? 1 : 0);
    into.set("roachpin_config_last_reload_success_timestamp_seconds", {},
             seconds_of(now.configured_at));
    into.set("roachpin_log_lines_lost_total", {}, now.log_lines_lost);
    into.set("roachpin_connections_active", {}, now.connections);
    into.set("roachpin_connections_limit", {}, now.max_connections);
    for (const auto& one : now.listeners) {
        into.set("roachpin_client_connections_active", {one.address}, one.connections);
        into.set("roachpin_client_connections_limit", {one.address}, one.max_connections);
    }
    show_nodes(now, into);
    show_certificates(now, into);
    show_process(into);
    return into.take();
}

} // namespace roachpin::telemetry
