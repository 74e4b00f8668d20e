#include "component/test_proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// Everything that may answer at a node's address and is not the node: each is refused with its own
/// reason, the client is told, and no octet of its StartupMessage leaves.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;

const certificate_authority& ca() {
    static const certificate_authority made("Cockroach CA");
    return made;
}

const certificate_authority& other_ca() {
    static const certificate_authority made("Other CA");
    return made;
}

certificate_request good_request() {
    return {.dns_sans = {node_name, "localhost"}, .ip_sans = {"127.0.0.1"}};
}

identity issued(certificate_request request) {
    return ca().issue(request);
}

/// `change` applied to what a good node has.
template <class Change>
identity issued_with(Change change) {
    auto request = good_request();
    change(request);
    return ca().issue(request);
}

/// One upstream, and what the client and the log must say of it.
struct hostile {
    std::string name;
    fake_cockroach_options node;
    std::string sqlstate;
    std::string phase; ///< or both, where the kernel's timing decides
    std::string reason;
    std::string presented; ///< what DETAIL must tell
    std::string host = node_name;
    std::string crl_pem = {};
    std::vector<core::spki_pin> pins = {};
    std::vector<core::spki_pin> revoked = {};
};

void PrintTo(const hostile& one, std::ostream* out) {
    *out << one.name;
}

fake_cockroach_options presenting(identity server) {
    return {.server = std::move(server)};
}

fake_cockroach_options playing(std::string_view name) {
    return {.server = issued(good_request()), .plays = behaviour_named(name)};
}

fake_cockroach_options faulty(session_step after, fault_kind kind) {
    fake_cockroach_options node{.server = issued(good_request())};
    node.plays.fault = session_fault{after, kind};
    return node;
}

fake_cockroach_options speaking(tls_version newest) {
    return {.server = issued_with([](auto& request) { request.key = key_type::rsa_2048; }),
            .min_tls = tls_version::v1_0,
            .max_tls = newest};
}

core::spki_pin some_other_key() {
    static const auto other = ca().issue(good_request());
    return core::spki_pin::parse(spki_sha256_base64(other.certificate_pem)).value();
}

std::vector<hostile> certificates() {
    std::vector<hostile> all;
    const auto refused = [&](std::string name, identity server, std::string reason,
                             std::string presented, std::string host = node_name) {
        all.push_back({std::move(name), presenting(std::move(server)), "08004", "tls",
                       std::move(reason), std::move(presented), std::move(host)});
    };
    refused("other_ca", other_ca().issue(good_request()), "untrusted_chain", "Other CA");
    refused("self_signed", self_signed(good_request()), "untrusted_chain", "self-signed");
    refused("wrong_name", issued_with([](auto& r) { r.dns_sans = {"crdb-1.crdb.internal"}; }),
            "wrong_name", "DNS:crdb-1.crdb.internal");
    refused("name_only_in_cn", issued_with([](auto& r) {
                r.common_name = node_name;
                r.dns_sans = {};
            }),
            "wrong_name", "the CN is not looked at");
    refused("ip_in_dns_name", issued_with([](auto& r) {
                r.dns_sans = {"127.0.0.1"};
                r.ip_sans = {};
            }),
            "wrong_name", "DNS:127.0.0.1", "127.0.0.1");
    refused("ip_in_cn", issued_with([](auto& r) {
                r.common_name = "127.0.0.1";
                r.ip_sans = {};
            }),
            "wrong_name", "the CN is not looked at", "127.0.0.1");
    refused("partial_wildcard", issued_with([](auto& r) { r.dns_sans = {"crdb*.crdb.internal"}; }),
            "wrong_name", "DNS:crdb*.crdb.internal");
    refused("wildcard_over_two_labels", issued_with([](auto& r) { r.dns_sans = {"*.internal"}; }),
            "wrong_name", "DNS:*.internal");
    refused("name_with_nul", issued_with([](auto& r) {
                r.dns_sans = {node_name + std::string(1, '\0') + ".evil.test"};
            }),
            "wrong_name", "\\x00.evil.test");
    refused("leaf_is_ca", issued_with([](auto& r) { r.is_ca = true; }), "leaf_is_ca",
            "may sign certificates");
    refused("expired", issued_with([](auto& r) {
                r.not_before = -48h;
                r.not_after = -1h;
            }),
            "expired", "certificate has expired");
    refused("not_yet_valid", issued_with([](auto& r) {
                r.not_before = 1h;
                r.not_after = 48h;
            }),
            "not_yet_valid", "not yet valid");
    refused("client_certificate_as_server",
            issued_with([](auto& r) { r.eku = extended_key_usage::client; }), "wrong_purpose",
            "CN=node");
    refused("no_extended_key_usage", issued_with([](auto& r) { r.eku = extended_key_usage::none; }),
            "wrong_purpose", "without it");
    refused("weak_key", issued_with([](auto& r) { r.key = key_type::rsa_1024; }), "weak",
            "key too weak");
    return all;
}

std::vector<hostile> revocation_and_pins() {
    const auto revoked = issued(good_request());
    const auto good = issued(good_request());
    const auto good_key = core::spki_pin::parse(spki_sha256_base64(good.certificate_pem)).value();
    const auto row = [](std::string name, const identity& server, std::string reason,
                        std::string presented) {
        return hostile{std::move(name),   presenting(server),   "08004",  "tls",
                       std::move(reason), std::move(presented), node_name};
    };
    std::vector<hostile> all;
    all.push_back(row("revoked_by_crl", revoked, "revoked", "certificate revoked"));
    all.back().crl_pem = ca().crl({revoked.serial});
    all.push_back(row("crl_expired", good, "crl_unusable", "CRL has expired"));
    all.back().crl_pem = ca().crl({}, -48h, -1h);
    all.push_back(row("crl_of_another_authority", good, "crl_unusable", "unable to get"));
    all.back().crl_pem = other_ca().crl({});
    all.push_back(row("pin_mismatch", good, "pin_mismatch", good_key.to_base64()));
    all.back().pins = {some_other_key()};
    all.push_back(row("pin_revoked", good, "pin_revoked", good_key.to_base64()));
    all.back().revoked = {good_key};
    return all;
}

std::vector<hostile> wire() {
    return {
        {"tls_1_1_only", speaking(tls_version::v1_1), "08004", "tls", "tls_version", "TLS 1.2"},
        {"answers_n", playing("insecure"), "08004", "sslrequest", "tls_declined", "'N'"},
        {"answers_error",
         {.server = issued(good_request()), .plays = {.answer = ssl_answer::error_response}},
         "08004",
         "sslrequest",
         "error_answer",
         "E"},
        {"stuffs_bytes",
         {.server = issued(good_request()), .plays = {.answer = ssl_answer::accept_and_extra}},
         "08004",
         "sslrequest",
         "stuffed",
         "more octets"},
        {"speaks_http",
         {.server = issued(good_request()), .plays = {.answer = ssl_answer::http_response}},
         "08004",
         "sslrequest",
         "not_postgres",
         "HTTP/1"},
        {"answers_garbage",
         {.server = issued(good_request()), .plays = {.answer = ssl_answer::garbage}},
         "08004",
         "sslrequest",
         "not_postgres",
         "\\x00"},
        {"before_init", playing("before-init"), "08001", "sslrequest", "timeout", "SSLRequest"},
        {"hangs_after_accept", faulty(session_step::accepted, fault_kind::hang), "08001",
         "sslrequest", "timeout", "SSLRequest"},
        {"hangs_after_ssl_request", faulty(session_step::ssl_request, fault_kind::hang), "08001",
         "sslrequest", "timeout", "SSLRequest"},
        {"hangs_in_handshake", faulty(session_step::client_hello, fault_kind::hang), "08001", "tls",
         "timeout", "handshake"},
        {"resets_after_accept", faulty(session_step::accepted, fault_kind::reset), "08001",
         "tcp or sslrequest", "reset", "reset"},
        {"resets_after_ssl_request", faulty(session_step::ssl_request, fault_kind::reset), "08001",
         "sslrequest", "reset", "reset"},
        {"resets_in_handshake", faulty(session_step::client_hello, fault_kind::reset), "08001",
         "tls", "reset", "reset"},
        {"closes_after_accept", faulty(session_step::accepted, fault_kind::close), "08001",
         "sslrequest", "closed", "closed"},
        {"closes_after_ssl_request", faulty(session_step::ssl_request, fault_kind::close), "08001",
         "sslrequest", "closed", "closed"},
        {"closes_in_handshake", faulty(session_step::client_hello, fault_kind::close), "08001",
         "tls", "closed", "closed"},
    };
}

test_proxy_options options_for(const hostile& one, const fake_cockroach& node) {
    test_proxy_options options;
    options.ca_pem = ca().certificate_pem();
    options.crl_pem = one.crl_pem;
    options.pins = one.pins;
    options.revoked = one.revoked;
    options.nodes = {node_at(node.port(), one.host)};
    options.timeouts.dial = 400ms;
    options.timeouts.establish = 2s;
    return options;
}

class hostile_upstream : public testing::TestWithParam<hostile> {};

TEST_P(hostile_upstream, is_refused_and_hears_nothing_of_the_client) {
    const auto& one = GetParam();
    fake_cockroach node(one.node);
    test_proxy proxy(options_for(one, node));

    auto client = proxy.connect();
    try {
        client.login({{"user", "app"}, {"application_name", "secret-marker"}});
        FAIL() << "a session was established";
    } catch (const server_refusal& refusal) {
        EXPECT_EQ(refusal.fields().code, one.sqlstate);
        EXPECT_THAT(refusal.fields().detail, testing::HasSubstr(one.reason));
        EXPECT_THAT(refusal.fields().detail, testing::HasSubstr(one.presented));
        EXPECT_THAT(refusal.fields().hint,
                    testing::HasSubstr(proxy.events().last_id<core::events::client_refused>()));
    }

    const auto failed = proxy.events().wait_for<core::events::dial_failed>();
    ASSERT_TRUE(failed);
    EXPECT_THAT(one.phase, testing::HasSubstr(failed->phase));
    EXPECT_EQ(failed->reason, one.reason);
    EXPECT_EQ(failed->hostile, one.sqlstate == "08004");

    ASSERT_TRUE(node.wait_for_finished(1));
    for (const auto& seen : node.all()) {
        EXPECT_THAT(seen.before_tls, testing::AnyOf("", ssl_request()));
        EXPECT_EQ(seen.plaintext_count, 0U);
        EXPECT_FALSE(seen.received("secret-marker"));
        EXPECT_TRUE(seen.client_certificate_subject.empty());
    }
}

auto name_of_row = [](const auto& row) {
    return row.param.name;
};
INSTANTIATE_TEST_SUITE_P(certificate, hostile_upstream, testing::ValuesIn(certificates()),
                         name_of_row);
INSTANTIATE_TEST_SUITE_P(crl_and_pin, hostile_upstream, testing::ValuesIn(revocation_and_pins()),
                         name_of_row);
INSTANTIATE_TEST_SUITE_P(wire, hostile_upstream, testing::ValuesIn(wire()), name_of_row);

TEST(dial, tells_a_closed_port_from_a_hostile_node) {
    fake_cockroach node(presenting(issued(good_request())));
    const hostile good{"", {}, "", "", "", ""};
    test_proxy proxy(options_for(good, node));
    node.stop_listening();
    auto client = proxy.connect();
    try {
        client.login({{"user", "app"}});
        FAIL();
    } catch (const server_refusal& refusal) {
        EXPECT_EQ(refusal.fields().code, "08001");
    }
    EXPECT_EQ(proxy.events().wait_for<core::events::dial_failed>()->reason, "refused");
    node.start_listening();
    EXPECT_EQ(proxy.login().query("select 1").front(), "select 1");
}

TEST(dial, tries_the_next_address_within_establish) {
    fake_cockroach silent(playing("before-init"));
    fake_cockroach impostor(presenting(other_ca().issue(good_request())));
    fake_cockroach good(presenting(issued(good_request())));
    auto options = options_for({"", {}, "", "", "", ""}, silent);
    options.nodes = {node_at(silent.port()), node_at(impostor.port()), node_at(good.port())};
    test_proxy proxy(std::move(options));
    for (int i = 0; i < 3; ++i) { // every rotation
        EXPECT_EQ(proxy.login().query("select 1").front(), "select 1");
    }
    for (const auto& seen : impostor.all()) {
        EXPECT_EQ(seen.plaintext_count, 0U);
    }
}

TEST(dial, stops_trying_when_establish_is_over) {
    fake_cockroach silent(playing("before-init"));
    auto options = options_for({"", {}, "", "", "", ""}, silent);
    options.nodes.assign(20, node_at(silent.port()));
    options.timeouts.establish = 1s;
    test_proxy proxy(std::move(options));
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THROW(proxy.connect().login({{"user", "app"}}), server_refusal);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s); // 20 × 400 ms would be 8 s
}

TEST(dial, presents_the_client_certificate_and_the_name) {
    fake_cockroach_options options{.server = issued(good_request())};
    options.client_policy = client_certificates::require;
    options.client_ca_pem = ca().certificate_pem();
    fake_cockroach node(std::move(options));
    auto proxied = options_for({"", {}, "", "", "", ""}, node);
    proxied.client_certificate = issued({.common_name = "app", .eku = extended_key_usage::client});
    test_proxy proxy(std::move(proxied));
    proxy.login();
    ASSERT_TRUE(node.wait_for_connections(1));
    const auto seen = node.record(1);
    EXPECT_THAT(seen.client_certificate_subject, testing::HasSubstr("CN=app"));
    EXPECT_EQ(seen.sni, node_name);
    EXPECT_EQ(seen.startup.at("user"), "app");
}

TEST(dial, sends_no_server_name_to_an_ip_host) {
    fake_cockroach node(presenting(issued(good_request())));
    auto options = options_for({"", {}, "", "", "", ""}, node);
    options.nodes = {node_at(node.port(), "127.0.0.1")};
    test_proxy proxy(std::move(options));
    proxy.login();
    EXPECT_EQ(node.record(1).sni, std::nullopt);
}

} // namespace
} // namespace roachpin::test
