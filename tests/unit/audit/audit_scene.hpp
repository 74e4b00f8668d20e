#pragma once

#include "audit/observations.hpp"

#include <chrono>
#include <string>
#include <vector>

/// A cluster where all is well, to be spoiled. Its nodes: crdb.internal at lines 10, which is asked
/// for at two servers on loopback, and crdb-9.crdb.internal at line 14, which is pinned.
namespace roachpin::audit {

inline constexpr std::chrono::system_clock::time_point today =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);

inline core::ip_address ip(const char* text) {
    return core::ip_address::parse(text).value();
}

inline core::endpoint place(const char* address, std::uint16_t port = 26257) {
    return {ip(address), port};
}

inline core::dns_name name(const char* text) {
    return core::dns_name::parse(text).value();
}

inline core::cidr network(const char* text) {
    return core::cidr::parse(text).value();
}

inline core::host_name host(const char* text) {
    return core::host_name::parse(text).value();
}

inline core::spki_pin key(std::uint8_t number) {
    std::array<std::uint8_t, core::spki_pin::size> digest{};
    digest.front() = number;
    return core::spki_pin(digest);
}

inline proof good_proof(std::uint8_t number) {
    return {.subject = "CN=node,O=Cockroach",
            .issuer = "CN=Cockroach CA,O=Cockroach",
            .names = "DNS:crdb.internal",
            .leaf_key = key(number),
            .key_kind = "RSA",
            .key_bits = 2048,
            .digest = "SHA256",
            .tls_version = "TLSv1.3",
            .ends = today + std::chrono::days(365),
            .ends_first = "CN=node,O=Cockroach"};
}

inline anchor good_anchor(const char* subject) {
    return {subject, today + std::chrono::days(3650)};
}

inline address_observation good_address(const char* address, std::uint8_t number) {
    return {.where = place(address),
            .proof = good_proof(number),
            .startup = readiness{true, "the node goes on with the login"}};
}

inline settings::dns_server server(const char* text, const char* address,
                                   settings::dns_transport by = settings::dns_transport::tcp) {
    return {text, by, place(address, 53)};
}

inline policy::named_answer answer(std::vector<core::endpoint> endpoints) {
    policy::named_answer said;
    said.endpoints = std::move(endpoints);
    said.ttl = std::chrono::seconds(30);
    said.proof = policy::authenticity::insecure;
    return said;
}

struct audit_scene {
    audit_scene() {
        auto& from = seen.configuration;
        from.cluster.ca = {"certs/ca.crt", "roachpin.yaml:5: cluster.ca_file"};
        settings::resolved by_name;
        by_name.allow = {network("10.1.0.0/16"), network("fd00:1::/64")};
        by_name.cname_allow = {name("internal")};
        from.cluster.nodes = {{.host = host("crdb.internal"),
                               .where = "roachpin.yaml:10: cluster.nodes[0]",
                               .found = by_name},
                              {.host = host("crdb-9.crdb.internal"),
                               .where = "roachpin.yaml:14: cluster.nodes[1]",
                               .found = settings::pinned{{ip("10.1.9.9")}}}};
        from.resolver.servers = {server("127.0.0.53", "127.0.0.53"), server("[::1]", "::1")};
        from.lock.file = settings::file_path{"roachpin.lock", "roachpin.yaml:20: lock.file"};
        seen.file = "roachpin.yaml";
        seen.machine.anchors = {good_anchor("CN=Cockroach CA,O=Cockroach")};
        seen.machine.certificates = {
            {"roachpin.yaml:6: cluster.client_cert_file", "CN=app", today + std::chrono::days(90)}};
        seen.machine.files = {{.where = "roachpin.yaml:7: cluster.client_key_file",
                               .path = "certs/client.app.key",
                               .is_key = true,
                               .file = {1000, 1000, 0600},
                               .folder = {1000, 1000, 0755}},
                              {.where = "roachpin.yaml:5: cluster.ca_file",
                               .path = "certs/ca.crt",
                               .file = {0, 0, 0644},
                               .folder = {0, 0, 0755}}};
        seen.machine.process_group = 100;
        seen.machine.libraries = {{"c-ares", "1.18.1"}, {"OpenSSL", "3.0.19"}};
        seen.machine.lock_review_by = std::chrono::year(2027) / 2 / 20;
        seen.nodes.resize(2);
        seen.nodes[0].lock = policy::locked_host{{}, {ip("10.1.0.1"), ip("10.1.0.2")}};
        seen.nodes[0].addresses = {good_address("10.1.0.1", 1), good_address("10.1.0.2", 2)};
        seen.nodes[1].addresses = {good_address("10.1.9.9", 3)};
        rules.answers.cname_allow = by_name.cname_allow;
        rules.answers.allow = by_name.allow;
        say(0, answer({place("10.1.0.1"), place("10.1.0.2")}));
        say(1, answer({place("10.1.0.1"), place("10.1.0.2")}));
    }

    /// What a server says of the first node in place of what it said before.
    template <class Said>
    policy::observation& say(std::size_t server, Said said) {
        auto& all = seen.nodes[0].said;
        all.resize(std::max(all.size(), server + 1));
        all[server] = {server, std::move(said)};
        decide();
        return all[server];
    }

    /// Both servers.
    template <class Said>
    void all_say(const Said& said) {
        say(0, said);
        say(1, said);
    }

    void decide() {
        rules.answers.lock = seen.nodes[0].lock;
        seen.nodes[0].made = policy::decide({}, seen.nodes[0].said, rules, core::time_point());
    }

    settings::node& named() { return seen.configuration.cluster.nodes[0]; }

    settings::resolved& by_name() { return std::get<settings::resolved>(named().found); }

    guarded_file& key_file() { return seen.machine.files[0]; }

    guarded_file& ca_file() { return seen.machine.files[1]; }

    address_observation& at(std::size_t address) { return seen.nodes[0].addresses[address]; }

    void fail(dial_trouble why) {
        at(0) = address_observation{.where = at(0).where, .trouble = std::move(why)};
    }

    void refuse(const char* reason) {
        fail({dial_phase::tls, reason, "expected this; presented: that", true});
    }

    observations seen;
    policy::pin_rules rules;
};

} // namespace roachpin::audit
