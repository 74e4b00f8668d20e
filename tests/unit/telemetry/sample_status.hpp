#pragma once

#include "telemetry/status.hpp"

/// A running proxy with a bit of everything.
namespace roachpin::test {

inline const telemetry::wall_time sample_now =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + std::chrono::hours(12);

inline telemetry::place_report ready_place(std::string address) {
    telemetry::place_report place{.address = std::move(address),
                                  .state = "ready",
                                  .allowed_by = "allow: 10.1.0.0/16",
                                  .usable = true};
    place.connections = 3;
    place.spares = 2;
    place.proof =
        telemetry::proof_status{sample_now - std::chrono::seconds(2), "CN=node", "CN=Cockroach CA",
                                sample_now + std::chrono::days(89),   "TLSv1.3", "AAAA="};
    return place;
}

inline telemetry::place_report hostile_place(std::string address) {
    return {.address = std::move(address),
            .state = "hostile",
            .reason = "untrusted_chain",
            .why = "expected a chain to A; presented: B",
            .allowed_by = "allow: 10.1.0.0/16"};
}

inline telemetry::status sample_status() {
    telemetry::status of{.version = "0.1.0", .now = sample_now, .ready = true};
    of.started_at = of.configured_at = sample_now - std::chrono::hours(5);
    of.last_reload = {of.started_at, true, "start", ""};
    of.connections = 3;
    of.max_connections = 4096;
    of.listeners = {{"127.0.0.1:26257", "originate", "offered", 3, 1024}};
    telemetry::node_report node{.host = "crdb.internal", .rules = {"allow: 10.1.0.0/16"}};
    node.places = {ready_place("10.1.2.3:26257"), ready_place("10.1.2.4:26257")};
    node.name = telemetry::name_report{.asked = "crdb.internal",
                                       .last_success = sample_now - std::chrono::seconds(5),
                                       .servers = {{.server = "10.0.0.53", .clean = true}}};
    of.nodes = {node};
    of.certificates = {{"cluster.ca_file", "CN=Cockroach CA", sample_now + std::chrono::days(400)}};
    of.since_start = {.sessions = 60, .bytes_to_client = 1'200'000, .dns_answers = 8};
    of.history = {{sample_now - std::chrono::seconds(10), {.sessions = 20}},
                  {sample_now, of.since_start}};
    of.events = {{sample_now,
                  "00000000000000ff",
                  {telemetry::severity::info, "started", {{"workers", std::uint64_t{2}}}}}};
    return of;
}

} // namespace roachpin::test
