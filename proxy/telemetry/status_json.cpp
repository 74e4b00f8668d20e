#include "telemetry/status_json.hpp"

#include "telemetry/log_format.hpp"
#include "telemetry/status_summary.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace roachpin::telemetry {
namespace {

namespace json = boost::json;

template <class Item, class Shown>
json::array array_of(const std::vector<Item>& items, Shown show) {
    json::array made;
    made.reserve(items.size());
    for (const auto& one : items) {
        made.emplace_back(show(one));
    }
    return made;
}

template <class Item, class Shown>
json::value value_of(const std::optional<Item>& item, Shown show) {
    return item ? json::value(show(*item)) : json::value(nullptr);
}

json::value text_of(const std::string& text) {
    return json::value(text);
}

std::int64_t seconds(wall_time from, wall_time to) {
    return std::chrono::floor<std::chrono::seconds>(to - from).count();
}

/// Into `made`: when a certificate ends, and how long that is from now; negative once it is past.
void add_end(json::object& made, wall_time not_after, wall_time now) {
    made["not_after"] = timestamp(not_after);
    made["seconds_left"] = seconds(now, not_after);
    made["days_left"] = std::chrono::floor<std::chrono::days>(not_after - now).count();
}

json::object of_concern(const concern& one) {
    return {{"level", to_string(one.level)},
            {"about", to_string(one.about)},
            {"sentence", one.sentence},
            {"detail", one.detail}};
}

json::object of_reload(const reload_status& last) {
    return {{"at", timestamp(last.at)},
            {"succeeded", last.succeeded},
            {"why", last.why},
            {"reason", last.reason}};
}

json::object of_listener(const listener_report& one) {
    return {{"address", one.address},
            {"mode", one.mode},
            {"tls", one.tls},
            {"connections", one.connections},
            {"max_connections", one.max_connections}};
}

json::object of_proof(const proof_status& proof, wall_time now) {
    json::object made{{"at", timestamp(proof.at)},
                      {"subject", proof.subject},
                      {"issuer", proof.issuer},
                      {"tls_version", proof.tls_version},
                      {"leaf_spki", proof.leaf_spki}};
    add_end(made, proof.not_after, now);
    return made;
}

json::object of_place(const place_report& place, wall_time now) {
    return {{"address", place.address},
            {"state", place.state},
            {"reason", place.reason},
            {"why", place.why},
            {"allowed_by", place.allowed_by},
            {"usable", place.usable},
            {"connections", place.connections},
            {"spares", place.spares},
            {"proof", value_of(place.proof, [&](const auto& one) { return of_proof(one, now); })}};
}

json::object of_answer(const server_answer& said) {
    return {{"server", said.server}, {"clean", said.clean},     {"refused", said.refused},
            {"reason", said.reason}, {"finding", said.finding}, {"sentence", said.sentence}};
}

json::object of_name(const name_report& name) {
    return {{"asked", name.asked},
            {"stale", name.stale},
            {"last_success", value_of(name.last_success, timestamp)},
            {"servers", array_of(name.servers, of_answer)},
            {"dissent", name.dissent},
            {"waiting_for_agreement", name.waiting_for_agreement},
            {"outside_lock", array_of(name.outside_lock, text_of)}};
}

json::object of_node(const node_report& node, wall_time now) {
    return {{"host", node.host},
            {"tier", node.tier},
            {"rules", array_of(node.rules, text_of)},
            {"places", array_of(node.places, [&](const auto& one) { return of_place(one, now); })},
            {"name", value_of(node.name, of_name)},
            {"bytes_to_node", node.bytes_to_node},
            {"bytes_to_client", node.bytes_to_client}};
}

json::object of_certificate(const certificate_status& one, wall_time now) {
    json::object made{{"what", one.what}, {"subject", one.subject}};
    add_end(made, one.not_after, now);
    return made;
}

json::object of_totals(const totals& all) {
    return {{"sessions", all.sessions},           {"refused", all.refused},
            {"bytes_to_node", all.bytes_to_node}, {"bytes_to_client", all.bytes_to_client},
            {"dns_answers", all.dns_answers},     {"dns_refused", all.dns_refused},
            {"hostile_dials", all.hostile_dials}};
}

json::object of_rates(const rates& all) {
    return {{"sessions", all.sessions},           {"refused", all.refused},
            {"bytes_to_node", all.bytes_to_node}, {"bytes_to_client", all.bytes_to_client},
            {"dns_answers", all.dns_answers},     {"dns_refused", all.dns_refused},
            {"hostile_dials", all.hostile_dials}};
}

/// As a line of the log.
json::object of_event(const recent_event& one) {
    json::object made{{"time", timestamp(one.at)},
                      {"level", to_string(one.line.level)},
                      {"event", one.line.name},
                      {"id", one.id}};
    for (const auto& [name, value] : one.line.fields) {
        std::visit([&, key = name](const auto& field) { made[key] = field; }, value);
    }
    return made;
}

} // namespace

std::string to_json(const status& of) {
    const auto all = summarise(of);
    const json::object made{
        {"format", 1},
        {"version", of.version},
        {"now", timestamp(of.now)},
        {"started_at", timestamp(of.started_at)},
        {"uptime_seconds", seconds(of.started_at, of.now)},
        {"level", to_string(all.level)},
        {"headline", all.headline},
        {"concerns", array_of(all.concerns, of_concern)},
        {"ready", of.ready},
        {"draining", of.draining},
        {"not_ready_because", of.not_ready_because},
        {"configured_at", timestamp(of.configured_at)},
        {"last_reload", of_reload(of.last_reload)},
        {"connections", of.connections},
        {"max_connections", of.max_connections},
        {"listeners", array_of(of.listeners, of_listener)},
        {"nodes", array_of(of.nodes, [&](const auto& one) { return of_node(one, of.now); })},
        {"certificates",
         array_of(of.certificates, [&](const auto& one) { return of_certificate(one, of.now); })},
        {"since_start", of_totals(of.since_start)},
        {"rates", value_of(latest_rates(of), of_rates)},
        {"events", array_of(of.events, of_event)}};
    return json::serialize(made);
}

} // namespace roachpin::telemetry
