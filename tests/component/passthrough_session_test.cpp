#include "component/good_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// A passthrough listener through whole sessions: who is let through, to which addresses, and how
/// it ends.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const parameter_map app{{"user", "app"}, {"database", "bank"}};

class passthrough_session : public testing::Test {
protected:
    test_proxy_options passing(std::vector<policy::node> nodes) const {
        test_proxy_options options;
        options.ca_pem = cluster.ca.certificate_pem();
        options.nodes = std::move(nodes);
        options.mode = net::listener_mode::passthrough;
        options.admission.tls_required = true; // as the configuration makes it of the mode
        return options;
    }

    test_proxy_options passing() const { return passing({node_at(node.port())}); }

    loopback_client login(test_proxy& proxy) const {
        auto client = proxy.connect();
        EXPECT_EQ(client.request_tls(), 'S');
        client.start_tls(
            {.ca_pem = cluster.ca.certificate_pem(), .sni = node_name, .verify_name = node_name});
        client.login(app);
        return client;
    }

    /// What a client hears that asks for TLS and may not have it.
    static error_fields refusal(test_proxy& proxy) {
        auto client = proxy.connect();
        client.send(ssl_request());
        auto told = client.read_error();
        EXPECT_EQ(client.wait_for_end(), client_failure::eof);
        return told;
    }

    /// Connections are accepted in their order: a dial before ours would be seen before ours.
    static std::size_t connections_but_ours(const fake_cockroach& at) {
        auto ours = loopback_client::connect_tcp("127.0.0.1", at.port());
        EXPECT_EQ(ours.request_tls(), 'S');
        return at.connections() - 1;
    }

    static void prove(const test_proxy& proxy, std::uint16_t port, core::time_point when) {
        for (const auto& one : proxy.places()) {
            if (one.where.port == port) {
                one.status->proved_at = when;
            }
        }
    }

    good_cluster cluster;
    fake_cockroach node{cluster.node()};
};

TEST_F(passthrough_session, the_clients_own_tls_reaches_a_node_that_proved_itself) {
    test_proxy proxy(passing());
    proxy.prove_all();
    auto client = login(proxy);
    EXPECT_EQ(client.query("select 1").front(), "select 1");
    const auto seen = node.record(1);
    EXPECT_EQ(seen.before_tls, ssl_request());
    EXPECT_EQ(seen.sni, node_name);
    EXPECT_EQ(seen.startup, app);
    const auto begun = proxy.events().wait_for<core::events::session_established>();
    ASSERT_TRUE(begun);
    EXPECT_EQ(begun->node.address, node.address());
    EXPECT_EQ(begun->client.user, ""); // it is the client's and the node's own affair
    client.half_close();
    EXPECT_EQ(client.read_until_end(), "");
    const auto ended = proxy.events().wait_for<core::events::session_ended>();
    ASSERT_TRUE(ended);
    EXPECT_THAT(ended->reason, testing::AnyOf("client_closed", "node_closed"));
    EXPECT_TRUE(ended->routine);
    EXPECT_GT(ended->bytes_to_node, seen.plaintext_count);
}

TEST_F(passthrough_session, the_certificate_a_client_sees_is_the_nodes_own) {
    auto options = passing();
    options.local_certificate = cluster.local_identity();
    test_proxy proxy(std::move(options));
    proxy.prove_all();
    const auto own = cluster.node_identity();
    node.present(own);
    EXPECT_EQ(login(proxy).peer_certificate_pem(), own.certificate_pem);
}

TEST_F(passthrough_session, a_startup_message_in_clear_is_refused) {
    test_proxy proxy(passing());
    proxy.prove_all();
    auto client = proxy.connect();
    client.send(startup_message(app));
    const auto error = client.read_error();
    EXPECT_EQ(error.code, "28000");
    EXPECT_THAT(error.hint, HasSubstr("sslmode"));
    EXPECT_EQ(client.wait_for_end(), client_failure::eof);
    EXPECT_EQ(proxy.events().wait_for<core::events::client_refused>()->reason, "tls_required");
    EXPECT_EQ(connections_but_ours(node), 0U);
}

TEST_F(passthrough_session, an_address_that_was_never_proved_is_not_dialled) {
    test_proxy proxy(passing());
    const auto error = refusal(proxy);
    EXPECT_EQ(error.code, "08001");
    EXPECT_THAT(error.detail, HasSubstr(node.address()));
    EXPECT_THAT(error.detail, HasSubstr("no_recent_proof"));
    EXPECT_EQ(connections_but_ours(node), 0U);
    const auto refused = proxy.events().wait_for<core::events::client_refused>();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->sqlstate, "08001");
    EXPECT_TRUE(refused->told);
    const auto failed = proxy.events().wait_for<core::events::dial_failed>();
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->reason, "no_recent_proof");
    EXPECT_FALSE(failed->hostile);
}

TEST_F(passthrough_session, a_proof_that_is_too_old_is_none) {
    auto options = passing();
    options.proof_lasts = 1h;
    test_proxy proxy(std::move(options));
    prove(proxy, node.port(), core::clock::now() - 61min);
    EXPECT_EQ(refusal(proxy).code, "08001");
    EXPECT_EQ(connections_but_ours(node), 0U);
    prove(proxy, node.port(), core::clock::now() - 30min);
    EXPECT_EQ(login(proxy).query("select 1").front(), "select 1");
}

TEST_F(passthrough_session, goes_past_an_address_without_a_proof_to_one_that_has_it) {
    fake_cockroach other(cluster.node());
    test_proxy proxy(passing({node_at(node.port()), node_at(other.port())}));
    prove(proxy, node.port(), core::clock::now() - 1h);
    prove(proxy, other.port(), core::clock::now());
    for (int i = 0; i < 4; ++i) { // whoever's turn it is
        EXPECT_EQ(login(proxy).query("select 1").front(), "select 1");
    }
    EXPECT_EQ(other.connections(), 4U);
    EXPECT_EQ(connections_but_ours(node), 0U);
}

TEST_F(passthrough_session, a_node_that_is_down_is_passed_over) {
    fake_cockroach other(cluster.node());
    test_proxy proxy(passing({node_at(node.port()), node_at(other.port())}));
    proxy.prove_all();
    node.stop_listening();
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(login(proxy).query("select 1").front(), "select 1");
    }
    EXPECT_EQ(other.connections(), 4U);
}

/// The proof needed for it is that of its own dial.
TEST_F(passthrough_session, a_cancel_request_goes_inside_verified_tls) {
    test_proxy proxy(passing());
    auto canceller = proxy.connect();
    canceller.send(cancel_request(42));
    EXPECT_EQ(canceller.read_until_end(), "");
    ASSERT_TRUE(node.wait_until([](const auto& records) {
        return records.size() == 1 && records[0].cancel_key == 42U && records[0].finished();
    }));
    const auto seen = node.record(1);
    EXPECT_EQ(seen.before_tls, ssl_request());
    EXPECT_TRUE(seen.tls_completed);
    EXPECT_EQ(seen.plaintext, cancel_request(42));
    const auto forwarded = proxy.events().wait_for<core::events::cancel_forwarded>();
    ASSERT_TRUE(forwarded);
    EXPECT_FALSE(forwarded->owner); // keys pass by unread
}

TEST_F(passthrough_session, no_stranger_hears_a_cancel_request) {
    auto options = passing();
    options.ca_pem = certificate_authority("Other CA").certificate_pem();
    test_proxy proxy(std::move(options));
    proxy.prove_all();
    auto canceller = proxy.connect();
    canceller.send(cancel_request(42));
    EXPECT_EQ(canceller.read_until_end(), "");
    EXPECT_EQ(proxy.events().wait_for<core::events::cancel_failed>()->reason, "no_node_reached");
    ASSERT_TRUE(node.wait_for_finished(1));
    EXPECT_EQ(node.record(1).before_tls, ssl_request());
    EXPECT_EQ(node.record(1).plaintext_count, 0U);
}

TEST_F(passthrough_session, as_many_as_max_connections_says) {
    auto options = passing();
    options.max_connections = 2;
    test_proxy proxy(std::move(options));
    proxy.prove_all();
    auto first = login(proxy);
    auto second = login(proxy);
    const auto error = refusal(proxy);
    EXPECT_EQ(error.code, "53300");
    EXPECT_THAT(error.detail, HasSubstr("listeners[].max_connections is 2"));
    EXPECT_EQ(connections_but_ours(node), 2U);
    EXPECT_EQ(first.query("select 1").front(), "select 1");
    first.close();
    second.close();
    proxy.wait_until_idle();
    EXPECT_EQ(login(proxy).query("select 2").front(), "select 2");
}

TEST_F(passthrough_session, none_begins_while_roachpin_drains) {
    test_proxy proxy(passing());
    proxy.prove_all();
    auto before = login(proxy);
    proxy.begin_draining();
    EXPECT_EQ(refusal(proxy).code, "57P01");
    EXPECT_EQ(before.query("select 1").front(), "select 1");
}

/// Whether nothing is under way cannot be seen from outside.
TEST_F(passthrough_session, goes_on_when_retired_until_it_is_cut_at_the_deadline) {
    test_proxy proxy(passing());
    proxy.prove_all();
    auto client = login(proxy);
    ASSERT_TRUE(proxy.events().wait_for<core::events::session_established>());
    proxy.retire_all({net::retirement_reason::draining, "the first order"});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(client.query("select 1").front(), "select 1");
    }
    proxy.retire_all(
        {net::retirement_reason::draining, "the second order", core::clock::now() + 200ms});
    EXPECT_EQ(client.wait_for_end(), client_failure::eof); // not one octet of ours in its TLS
    const auto ended = proxy.events().wait_for<core::events::session_ended>();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->reason, "cut");
    EXPECT_EQ(ended->detail, "the first order");
    EXPECT_FALSE(ended->routine);
    ASSERT_TRUE(node.wait_for_finished(1));
    proxy.wait_until_idle();
    EXPECT_EQ(proxy.places().front().status->sessions->load(), 0U);
}

} // namespace
} // namespace roachpin::test
