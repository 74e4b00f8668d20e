#pragma once

#include "core/event.hpp"

#include <utility>
#include <vector>

/// One of each event, every field set. A new event does not compile until it has its sample here.
namespace roachpin::test {

namespace sample_of {

using core::client_facts;
using core::node_facts;
using namespace core::events;
using namespace std::chrono_literals;

inline const client_facts app{
    core::connection_id{0xbeef}, "10.9.8.7:5432", "127.0.0.1:26257", "app", "bank", "psql"};
inline const node_facts crdb{"crdb.internal", "10.1.2.3:26257"};

template <class Event>
Event sample() = delete;

template <>
inline listening sample() {
    return {"127.0.0.1:26257", "offered"};
}

template <>
inline admin_listening sample() {
    return {"127.0.0.1:9257"};
}

template <>
inline started sample() {
    return {"0.1.0", 4, "OpenSSL 3.0.17"};
}

template <>
inline local_certificate_made sample() {
    return {"127.0.0.1:26257", "/run/roachpin/local.crt"};
}

template <>
inline client_refused sample() {
    return {app, "08004", "wrong_name", "expected A, presented B", false};
}

template <>
inline client_gone sample() {
    return {app, "closed"};
}

template <>
inline client_opened sample() {
    return {app, 1500us};
}

template <>
inline session_established sample() {
    return {app, crdb, 2, 1500ms};
}

template <>
inline session_ended sample() {
    return {app, crdb, "client_closed", "reset", 18446744073709551615U, 12, 5ms, true};
}

template <>
inline dialled sample() {
    return {crdb, "hostile", "wrong_name", 250us, 1ms, std::nullopt};
}

template <>
inline dial_failed sample() {
    return {app, crdb, "tls", "wrong_name", "expected A, presented B", true};
}

template <>
inline startup_replayed sample() {
    return {app, crdb, "57P01"};
}

template <>
inline cancel_forwarded sample() {
    return {app, crdb, true};
}

template <>
inline cancel_failed sample() {
    return {app, "no node"};
}

template <>
inline accept_failed sample() {
    return {"127.0.0.1:26257", "Too many open files", 1s};
}

template <>
inline listener_closed sample() {
    return {"127.0.0.1:26257"};
}

template <>
inline draining sample() {
    return {3, 5s, 25s};
}

template <>
inline drained sample() {
    return {1};
}

template <>
inline dns_asked sample() {
    return {"crdb.internal", "10.0.0.53", "nxdomain", 2500us};
}

template <>
inline dns_reply_refused sample() {
    return {"crdb.internal", "udp://10.0.0.53", "other_id", "the id is 1, not 2"};
}

template <>
inline dns_answer_refused sample() {
    return {"crdb.internal", "10.0.0.53", "not_allowed", "DNS-ADDRESS-UNEXPECTED", "10.9.9.9"};
}

template <>
inline dns_answers_again sample() {
    return {"crdb.internal", "10.0.0.53"};
}

template <>
inline dns_servers_disagree sample() {
    return {"crdb.internal", "10.0.0.53", "10.1.2.3 is named by one"};
}

template <>
inline lock_drift sample() {
    return {"crdb.internal", "10.1.2.4:26257"};
}

template <>
inline leaf_not_in_lock sample() {
    return {crdb, "AAAA"};
}

template <>
inline names_changed sample() {
    return {"crdb.internal", "10.1.2.3:26257", "10.1.2.4:26257", true};
}

template <>
inline names_stale sample() {
    return {"crdb.internal", true};
}

template <>
inline address_admitted sample() {
    return {crdb};
}

template <>
inline address_not_proved sample() {
    return {crdb, "hostile", "tls", "wrong_name", "expected A, presented B", true, 2s};
}

template <>
inline reloaded sample() {
    return {"SIGHUP", "workers", 2};
}

template <>
inline reload_failed sample() {
    return {"a file changed", "roachpin.yaml:2: no"};
}

template <>
inline waiting_for_nodes sample() {
    return {"no node has proved itself yet"};
}

template <>
inline internal_error sample() {
    return {app, "bad_alloc"};
}

template <class... Events>
std::vector<core::event> all(std::in_place_type_t<std::variant<Events...>>) {
    return {core::event(sample<Events>())...};
}

} // namespace sample_of

inline std::vector<core::event> sample_events() {
    return sample_of::all(std::in_place_type<core::event>);
}

} // namespace roachpin::test
