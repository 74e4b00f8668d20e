#include "component/good_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>
#include <unistd.h>

/// Live sessions under rules that have changed: who would not be let in now is retired, who would
/// be does not notice.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using core::events::session_ended;
using testing::HasSubstr;

const parameter_map app{{"user", "app"}};

/// Long enough for a session to end that must not.
constexpr auto a_while = 100ms;

core::spki_pin pin_of(const std::string& pem) {
    return core::spki_pin::parse(spki_sha256_base64(pem)).value();
}

core::cidr network(std::string_view text) {
    return core::cidr::parse(text).value();
}

core::endpoint endpoint(std::string_view address, int port) {
    return {core::ip_address::parse(address).value(), static_cast<std::uint16_t>(port)};
}

/// One node, and what is configured for it: at first as it should be.
struct scene {
    policy::node& configured() { return rules.nodes.front(); }

    /// From now on the node's address comes from DNS, by these rules.
    net::resolved_name& resolve() {
        configured().endpoints.clear();
        names.push_back({0, core::dns_name::parse(node_name).value(), {}, node.port(), {}});
        names.back().rules.answers.allow = {network("127.0.0.0/8")};
        return names.back();
    }

    good_cluster cluster;
    certificate_authority other{"Other CA"};
    identity leaf = cluster.node_identity();
    fake_cockroach node{{.server = leaf}};
    test_proxy_options rules = cluster.proxy_for(node);
    std::vector<net::resolved_name> names{};
};

/// How many are retired where the proxy is given these rules.
std::size_t review(test_proxy& proxy, const test_proxy_options& rules,
                   const std::vector<net::resolved_name>& names = {},
                   core::time_point latest = core::time_point::max()) {
    proxy.change(rules);
    return proxy.review({rules.nodes, names, proxy.upstream(), latest});
}

void expect_untouched(loopback_client& client) {
    EXPECT_TRUE(client.stays_silent_for(a_while));
    EXPECT_EQ(client.query("select 1").front(), "select 1");
}

void expect_retired(loopback_client& client, test_proxy& proxy, std::string_view why,
                    std::size_t count = 1) {
    const auto error = client.read_error();
    EXPECT_EQ(error.severity, "FATAL");
    EXPECT_EQ(error.code, "57P01");
    EXPECT_THAT(error.detail, HasSubstr(why));
    EXPECT_EQ(client.read_until_end(), "");
    const auto ended = proxy.events().wait_for<session_ended>(count);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->reason, "retired");
    EXPECT_THAT(ended->detail, HasSubstr(why));
    EXPECT_TRUE(ended->routine);
}

// ---- one change, one session ------------------------------------------------------------------

struct changed_rules {
    const char* name;
    void (*change)(scene& now);
    const char* why; ///< what its client is told; empty: it stays
};

void PrintTo(const changed_rules& one, std::ostream* out) {
    *out << one.name;
}

class review_of_a_session : public testing::TestWithParam<changed_rules> {};

TEST_P(review_of_a_session, ends_it_only_where_it_would_not_be_let_in) {
    const std::string why = GetParam().why;
    scene now;
    test_proxy proxy(now.rules);
    auto client = proxy.login();
    EXPECT_EQ(review(proxy, now.rules), 0U); // nothing has changed yet
    GetParam().change(now);
    EXPECT_EQ(review(proxy, now.rules, now.names), why.empty() ? 0U : 1U);
    if (why.empty()) {
        expect_untouched(client);
        EXPECT_TRUE(proxy.events().all<session_ended>().empty());
    } else {
        expect_retired(client, proxy, why);
    }
}

const auto named = [](const auto& row) {
    return std::string(row.param.name);
};

const changed_rules authorities[] = {
    {"old_and_new_ca", [](scene& now) { now.rules.ca_pem += now.other.certificate_pem(); }, ""},
    {"new_and_old_ca",
     [](scene& now) { now.rules.ca_pem = now.other.certificate_pem() + now.rules.ca_pem; }, ""},
    {"new_ca_alone", [](scene& now) { now.rules.ca_pem = now.other.certificate_pem(); },
     "Expected a chain to CN=Other CA"},
    {"new_ca_of_the_same_name",
     [](scene& now) { now.rules.ca_pem = certificate_authority("Cockroach CA").certificate_pem(); },
     "Expected a chain to CN=Cockroach CA"},
    {"crl_without_it", [](scene& now) { now.rules.crl_pem = now.cluster.ca.crl({}); }, ""},
    {"crl_with_it", [](scene& now) { now.rules.crl_pem = now.cluster.ca.crl({now.leaf.serial}); },
     "Expected a certificate that crl_file does not revoke"},
    {"crl_with_another",
     [](scene& now) {
         now.rules.crl_pem = now.cluster.ca.crl({now.cluster.node_identity().serial});
     },
     ""},
    {"crl_of_another_ca", [](scene& now) { now.rules.crl_pem = now.other.crl({}); },
     "Expected a valid CRL"},
    {"crl_out_of_date", [](scene& now) { now.rules.crl_pem = now.cluster.ca.crl({}, -48h, -1h); },
     "Expected a valid CRL"},
};

INSTANTIATE_TEST_SUITE_P(authorities, review_of_a_session, testing::ValuesIn(authorities), named);

const changed_rules pins[] = {
    {"leaf_pinned", [](scene& now) { now.rules.pins = {pin_of(now.leaf.certificate_pem)}; }, ""},
    {"issuer_pinned", [](scene& now) { now.rules.pins = {pin_of(now.rules.ca_pem)}; }, ""},
    {"another_pinned", [](scene& now) { now.rules.pins = {pin_of(now.other.certificate_pem())}; },
     "Expected a key of"},
    {"leaf_and_another_pinned",
     [](scene& now) {
         now.rules.pins = {pin_of(now.other.certificate_pem()), pin_of(now.leaf.certificate_pem)};
     },
     ""},
    {"leaf_pinned_for_the_node",
     [](scene& now) { now.configured().pins = {pin_of(now.leaf.certificate_pem)}; }, ""},
    {"another_pinned_for_the_node",
     [](scene& now) { now.configured().pins = {pin_of(now.other.certificate_pem())}; },
     "Expected a key of"},
    {"issuer_in_the_lock",
     [](scene& now) { now.configured().issuer_pins = {pin_of(now.rules.ca_pem)}; }, ""},
    {"another_issuer_in_the_lock",
     [](scene& now) { now.configured().issuer_pins = {pin_of(now.other.certificate_pem())}; },
     "Expected an issuer with a key of"},
    {"leaf_revoked", [](scene& now) { now.rules.revoked = {pin_of(now.leaf.certificate_pem)}; },
     "Expected no key of"},
    {"issuer_revoked", [](scene& now) { now.rules.revoked = {pin_of(now.rules.ca_pem)}; },
     "Expected no key of"},
    {"another_revoked",
     [](scene& now) { now.rules.revoked = {pin_of(now.other.certificate_pem())}; }, ""},
};

INSTANTIATE_TEST_SUITE_P(pins, review_of_a_session, testing::ValuesIn(pins), named);

constexpr auto not_configured = "is not configured any more";

const changed_rules places[] = {
    {"node_removed", [](scene& now) { now.rules.nodes = {node_at(1, "localhost")}; },
     not_configured},
    {"node_added", [](scene& now) { now.rules.nodes.push_back(node_at(1, "localhost")); }, ""},
    {"another_place_listed_before_it",
     [](scene& now) { now.rules.nodes.insert(now.rules.nodes.begin(), node_at(1)); }, ""},
    {"another_node_has_its_address",
     [](scene& now) { now.configured().host = core::host_name::parse("localhost").value(); },
     not_configured},
    {"address_removed",
     [](scene& now) { now.configured().endpoints = {endpoint("127.0.0.2", now.node.port())}; },
     not_configured},
    {"address_added",
     [](scene& now) {
         now.configured().endpoints.push_back(endpoint("127.0.0.2", now.node.port()));
     },
     ""},
    {"port_changed", [](scene& now) { now.configured().endpoints = {endpoint("127.0.0.1", 1)}; },
     not_configured},
    {"tier_changed", [](scene& now) { now.configured().tier = 3; }, ""},
    {"resolved_and_allowed", [](scene& now) { now.resolve(); }, ""},
    {"resolved_and_narrowed_around_it",
     [](scene& now) { now.resolve().rules.answers.allow = {network("127.0.0.1/32")}; }, ""},
    {"resolved_and_narrowed",
     [](scene& now) { now.resolve().rules.answers.allow = {network("127.0.1.0/24")}; },
     not_configured},
    {"resolved_and_denied",
     [](scene& now) { now.resolve().rules.answers.deny = {network("127.0.0.1/32")}; },
     not_configured},
    {"resolved_and_another_denied",
     [](scene& now) { now.resolve().rules.answers.deny = {network("127.0.0.2/32")}; }, ""},
    {"resolved_to_another_port", [](scene& now) { now.resolve().port = 1; }, not_configured},
    {"resolved_by_srv",
     [](scene& now) {
         auto& name = now.resolve();
         name.srv = core::dns_name::parse("_sql._tcp.crdb.internal").value();
         name.port = 1; // SRV brings the node's own
     },
     ""},
    {"resolved_and_in_the_lock",
     [](scene& now) {
         auto& rules = now.resolve().rules.answers;
         rules.enforce_locked_addresses = true;
         rules.lock = policy::locked_host{{}, {endpoint("127.0.0.1", 0).address}};
     },
     ""},
    {"resolved_and_outside_the_lock",
     [](scene& now) {
         auto& rules = now.resolve().rules.answers;
         rules.enforce_locked_addresses = true;
         rules.lock = policy::locked_host{{}, {endpoint("127.0.0.2", 0).address}};
     },
     not_configured},
    {"resolved_and_reported_outside_the_lock",
     [](scene& now) {
         now.resolve().rules.answers.lock =
             policy::locked_host{{}, {endpoint("127.0.0.2", 0).address}};
     },
     ""},
};

INSTANTIATE_TEST_SUITE_P(places, review_of_a_session, testing::ValuesIn(places), named);

const changed_rules clients[] = {
    {"client_allowed",
     [](scene& now) { now.rules.admission.allow_from = {network("127.0.0.1/32")}; }, ""},
    {"client_not_allowed",
     [](scene& now) { now.rules.admission.allow_from = {network("10.0.0.0/8")}; },
     "Expected a client address in 10.0.0.0/8 (allow_from); presented: 127.0.0.1"},
    {"tls_demanded", [](scene& now) { now.rules.admission.tls_required = true; },
     "Expected TLS (tls.required or client_ca_file); presented: a connection in clear"},
};

INSTANTIATE_TEST_SUITE_P(clients, review_of_a_session, testing::ValuesIn(clients), named);

// ---- other sessions than that -----------------------------------------------------------------

class review_of_sessions : public testing::Test {
protected:
    static loopback_client login_inside_tls(test_proxy& proxy, const std::string& ca_pem) {
        auto client = proxy.connect();
        EXPECT_EQ(client.request_tls(), 'S');
        client.start_tls({.ca_pem = ca_pem});
        client.login(app);
        return client;
    }

    fake_cockroach_options presenting(identity server) const {
        return {.server = std::move(server)};
    }

    /// Sessions go to them in turn.
    test_proxy_options options_for(const fake_cockroach& first,
                                   const fake_cockroach& second) const {
        auto options = cluster.proxy_for(first);
        options.nodes.push_back(node_at(second.port()));
        return options;
    }

    good_cluster cluster;
};

TEST_F(review_of_sessions, tls_demanded_leaves_those_that_have_it) {
    fake_cockroach node(cluster.node());
    auto rules = cluster.tls_proxy_for(node);
    test_proxy proxy(rules);
    auto inside = login_inside_tls(proxy, cluster.ca.certificate_pem());
    auto in_clear = proxy.login();
    rules.admission.tls_required = true;
    EXPECT_EQ(review(proxy, rules), 1U);
    expect_retired(in_clear, proxy, "Expected TLS");
    expect_untouched(inside);
}

TEST_F(review_of_sessions, one_inside_local_tls_is_told_there) {
    fake_cockroach node(cluster.node());
    auto rules = cluster.tls_proxy_for(node);
    test_proxy proxy(rules);
    auto client = login_inside_tls(proxy, cluster.ca.certificate_pem());
    rules.revoked = {pin_of(cluster.ca.certificate_pem())};
    EXPECT_EQ(review(proxy, rules), 1U);
    expect_retired(client, proxy, "Expected no key of");
    EXPECT_EQ(client.ended_by(), client_failure::close_notify);
}

TEST_F(review_of_sessions, a_closed_listener_s_sessions_end) {
    fake_cockroach node(cluster.node());
    const auto rules = cluster.proxy_for(node);
    test_proxy proxy(rules);
    auto client = proxy.login();
    proxy.close_listener();
    EXPECT_EQ(review(proxy, rules), 1U);
    expect_retired(client, proxy,
                   "the listener 127.0.0.1:" + std::to_string(proxy.port()) + " is not configured");
}

TEST_F(review_of_sessions, a_uid_may_be_shut_out) {
    const temp_dir directory;
    fake_cockroach node(cluster.node());
    auto rules = cluster.proxy_for(node);
    rules.bind = "unix:" + (directory.path() / "s").string();
    test_proxy proxy(rules);
    auto client = proxy.login();
    rules.admission.allow_from = {}; // nothing to a unix socket
    rules.admission.allow_uids = {::getuid()};
    EXPECT_EQ(review(proxy, rules), 0U);
    expect_untouched(client);
    rules.admission.allow_uids = {::getuid() + 1};
    EXPECT_EQ(review(proxy, rules), 1U);
    expect_retired(client, proxy, "(allow_uids); presented: uid " + std::to_string(::getuid()));
}

/// Both nodes show the very same certificate: the verdict on one is not the other's.
TEST_F(review_of_sessions, min_tls_is_each_connection_s_own) {
    const auto same = cluster.node_identity();
    auto old = presenting(same);
    old.max_tls = tls_version::v1_2;
    fake_cockroach first(std::move(old));
    fake_cockroach second(presenting(same));
    auto rules = options_for(first, second);
    rules.workers = 1; // each judges for itself
    test_proxy proxy(rules);
    auto with_1_2 = proxy.login();
    auto with_1_3 = proxy.login();
    ASSERT_EQ(first.record(1).tls_version, "TLSv1.2");
    ASSERT_EQ(second.record(1).tls_version, "TLSv1.3");
    rules.min_tls = core::tls_version::v1_3;
    EXPECT_EQ(review(proxy, rules), 1U);
    expect_retired(with_1_2, proxy, "Expected TLS 1.3 or newer (min_tls); presented: TLSv1.2");
    expect_untouched(with_1_3);
}

TEST_F(review_of_sessions, a_node_s_pins_are_its_own) {
    const auto same = cluster.node_identity();
    fake_cockroach first(presenting(same));
    fake_cockroach second(presenting(same));
    auto rules = options_for(first, second);
    rules.nodes[1].host = core::host_name::parse("localhost").value();
    rules.workers = 1;
    test_proxy proxy(rules);
    auto pinned_to_another = proxy.login();
    auto unpinned = proxy.login();
    rules.nodes[0].pins = {pin_of(cluster.local_identity().certificate_pem)};
    EXPECT_EQ(review(proxy, rules), 1U);
    expect_retired(pinned_to_another, proxy, "Expected a key of");
    expect_untouched(unpinned);
}

/// Old and new authority together, then the new one alone: only what the old one has signed goes.
TEST_F(review_of_sessions, an_authority_is_rotated) {
    const certificate_authority renewed("Cockroach CA 2");
    fake_cockroach first(cluster.node());
    fake_cockroach second(presenting(renewed.issue({.dns_sans = {node_name}})));
    auto rules = options_for(first, second);
    rules.ca_pem += renewed.certificate_pem();
    test_proxy proxy(rules);
    auto of_old = proxy.login();
    auto of_new = proxy.login();
    ASSERT_EQ(second.connections(), 1U);
    EXPECT_EQ(review(proxy, rules), 0U);
    rules.ca_pem = renewed.certificate_pem();
    EXPECT_EQ(review(proxy, rules), 1U);
    expect_retired(of_old, proxy, "Expected a chain to CN=Cockroach CA 2");
    expect_untouched(of_new);
}

TEST_F(review_of_sessions, all_of_a_removed_node_end_on_every_worker) {
    constexpr std::size_t of_each = 6;
    fake_cockroach first(cluster.node());
    fake_cockroach second(cluster.node());
    auto rules = options_for(first, second);
    rules.workers = 3; // so that each has sessions of both nodes
    test_proxy proxy(rules);
    std::list<loopback_client> ending;
    std::list<loopback_client> staying;
    for (std::size_t i = 0; i < of_each; ++i) {
        ending.push_back(proxy.login());
        staying.push_back(proxy.login());
    }
    ASSERT_EQ(first.connections(), of_each);
    ASSERT_THAT(proxy.loads(), testing::Each(4));
    rules.nodes.erase(rules.nodes.begin());
    EXPECT_EQ(review(proxy, rules), of_each);
    std::size_t count = 0;
    for (auto& client : ending) {
        expect_retired(client, proxy, first.address() + " is not configured any more", ++count);
    }
    for (auto& client : staying) {
        EXPECT_EQ(client.query("select 1").front(), "select 1");
    }
    EXPECT_TRUE(first.wait_for_finished(of_each));
    EXPECT_EQ(second.open_connections(), of_each);
}

/// A spare connection proved itself before there was a client for it; it counts no less.
TEST_F(review_of_sessions, what_a_spare_connection_has_shown_is_judged) {
    fake_cockroach node(cluster.node());
    auto rules = cluster.proxy_for(node);
    rules.spares = 1;
    test_proxy proxy(rules);
    ASSERT_TRUE(node.wait_until(
        [](const auto& records) { return !records.empty() && records.front().tls_completed; }));
    auto client = proxy.login();
    rules.ca_pem += certificate_authority("Other CA").certificate_pem();
    EXPECT_EQ(review(proxy, rules), 0U);
    expect_untouched(client);
    rules.ca_pem = certificate_authority("Other CA").certificate_pem();
    EXPECT_EQ(review(proxy, rules), 1U);
    expect_retired(client, proxy, "Expected a chain to CN=Other CA");
}

// ---- when -------------------------------------------------------------------------------------

TEST_F(review_of_sessions, a_statement_is_not_broken) {
    fake_cockroach node(cluster.node());
    auto rules = cluster.proxy_for(node);
    test_proxy proxy(rules);
    auto client = proxy.login();
    EXPECT_TRUE(client.query("BEGIN").empty());
    rules.nodes = {node_at(1)};
    EXPECT_EQ(review(proxy, rules, {}, core::clock::now() + 60s), 1U);
    expect_untouched(client);
    EXPECT_TRUE(client.query("COMMIT").empty());
    expect_retired(client, proxy, not_configured);
}

TEST_F(review_of_sessions, one_that_never_becomes_idle_is_cut_at_the_deadline) {
    fake_cockroach node(cluster.node());
    auto rules = cluster.proxy_for(node);
    test_proxy proxy(rules);
    auto client = proxy.login();
    EXPECT_TRUE(client.query("BEGIN").empty());
    rules.nodes = {node_at(1)};
    EXPECT_EQ(review(proxy, rules, {}, core::clock::now() + 300ms), 1U);
    const auto error = client.read_error();
    EXPECT_EQ(error.code, "57P01");
    EXPECT_THAT(error.detail, HasSubstr(not_configured));
    EXPECT_THAT(error.detail, HasSubstr("still under way at the deadline"));
    EXPECT_EQ(proxy.events().wait_for<session_ended>()->reason, "cut");
}

/// The node proved itself to the client alone: of what roachpin knows, the address counts.
TEST_F(review_of_sessions, passthrough_goes_by_the_place) {
    fake_cockroach node(cluster.node());
    auto rules = cluster.proxy_for(node);
    rules.mode = net::listener_mode::passthrough;
    rules.proof_lasts = 60s;
    test_proxy proxy(rules);
    proxy.prove_all();
    auto client = login_inside_tls(proxy, cluster.ca.certificate_pem());
    rules.ca_pem = certificate_authority("Other CA").certificate_pem();
    rules.admission.tls_required = true;
    EXPECT_EQ(review(proxy, rules), 0U);
    expect_untouched(client);
    rules.nodes = {node_at(1)};
    EXPECT_EQ(review(proxy, rules, {}, core::clock::now() + 200ms), 1U);
    EXPECT_TRUE(client.wait_for_end());
    const auto ended = proxy.events().wait_for<session_ended>();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->reason, "cut");
    EXPECT_THAT(ended->detail, HasSubstr(not_configured));
}

} // namespace
} // namespace roachpin::test
