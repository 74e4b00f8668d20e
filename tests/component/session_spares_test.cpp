#include "component/good_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>

/// Sessions on connections that were ready before their clients came: no handshake for them, and
/// no failure either where such a connection is good no longer.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
namespace events = core::events;
using close_kind = fake_cockroach::close_kind;

const parameter_map app{{"user", "app"}, {"database", "bank"}};

bool wait_for_spares(test_proxy& proxy, std::size_t count) {
    const auto give_up = core::clock::now() + 20s;
    while (proxy.spares().kept() != count) {
        if (core::clock::now() > give_up) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

/// The numbers of the connections on which a StartupMessage came.
std::vector<std::uint64_t> begun_on(const fake_cockroach& node) {
    std::vector<std::uint64_t> numbers;
    for (const auto& one : node.all()) {
        if (one.startup_version != 0) {
            numbers.push_back(one.id);
        }
    }
    return numbers;
}

behaviour failing_at_startup(fault_kind kind) {
    behaviour plays;
    plays.fault = session_fault{session_step::startup, kind};
    return plays;
}

std::string answer_to(loopback_client& client, const std::string& sql) {
    const auto rows = client.query(sql);
    return rows.empty() ? "" : rows.front();
}

class session_spares : public testing::Test {
protected:
    test_proxy_options keeping(std::size_t spares) const {
        auto options = cluster.proxy_for(node);
        options.spares = spares;
        return options;
    }

    static void expect_no_trouble(test_proxy& proxy) {
        EXPECT_TRUE(proxy.events().all<events::dial_failed>().empty());
        EXPECT_TRUE(proxy.events().all<events::startup_replayed>().empty());
        EXPECT_TRUE(proxy.events().all<events::client_refused>().empty());
    }

    good_cluster cluster;
    fake_cockroach node{cluster.node()};
};

TEST_F(session_spares, a_session_begins_on_the_oldest_without_a_handshake) {
    test_proxy proxy(keeping(2));
    ASSERT_TRUE(wait_for_spares(proxy, 2));
    EXPECT_EQ(node.connections(), 2U);
    auto client = proxy.login();
    EXPECT_EQ(answer_to(client, "select 1"), "select 1");
    EXPECT_EQ(begun_on(node), std::vector<std::uint64_t>{1});
    EXPECT_EQ(node.record(1).startup, app);
    EXPECT_EQ(node.record(1).before_tls, ssl_request());
    EXPECT_EQ(proxy.events().wait_for<events::session_established>()->dials, 1U);
    ASSERT_TRUE(wait_for_spares(proxy, 2)); // another takes its place
    EXPECT_EQ(node.connections(), 3U);      // and that was the only other handshake
    expect_no_trouble(proxy);
}

TEST_F(session_spares, each_session_has_one_of_its_own) {
    test_proxy proxy(keeping(1));
    std::vector<loopback_client> clients;
    for (std::size_t i = 1; i <= 5; ++i) {
        ASSERT_TRUE(wait_for_spares(proxy, 1));
        clients.push_back(proxy.login());
        EXPECT_EQ(begun_on(node).size(), i);
    }
    ASSERT_TRUE(wait_for_spares(proxy, 1));
    EXPECT_EQ(node.connections(), 6U);
    for (auto& one : clients) {
        EXPECT_EQ(answer_to(one, "select 1"), "select 1");
    }
    expect_no_trouble(proxy);
}

TEST_F(session_spares, when_all_are_taken_sessions_dial) {
    test_proxy proxy(keeping(1));
    ASSERT_TRUE(wait_for_spares(proxy, 1));
    std::vector<loopback_client> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(proxy.login());
    }
    EXPECT_EQ(begun_on(node).size(), 20U);
    for (auto& one : clients) {
        EXPECT_EQ(answer_to(one, "select 1"), "select 1");
    }
    expect_no_trouble(proxy);
}

TEST_F(session_spares, what_is_said_on_one_stays_in_its_session) {
    test_proxy proxy(keeping(1));
    ASSERT_TRUE(wait_for_spares(proxy, 1));
    {
        auto client = proxy.login();
        EXPECT_EQ(answer_to(client, "select 'mine'"), "select 'mine'");
    }
    ASSERT_TRUE(node.wait_until([](const auto& all) { return all[0].finished(); }));
    ASSERT_TRUE(wait_for_spares(proxy, 1));
    auto client = proxy.login(); // not on the connection of before
    EXPECT_EQ(begun_on(node), (std::vector<std::uint64_t>{1, 2}));
    EXPECT_FALSE(node.record(2).received("mine"));
}

/// The node's end is on its way when the session takes the connection, or has just come.
TEST_F(session_spares, one_that_the_node_closes_is_no_error) {
    for (const auto kind : {close_kind::clean, close_kind::abrupt, close_kind::reset}) {
        test_proxy proxy(keeping(1));
        ASSERT_TRUE(wait_for_spares(proxy, 1));
        node.close(node.connections(), kind);
        auto client = proxy.login();
        EXPECT_EQ(answer_to(client, "select 1"), "select 1");
        expect_no_trouble(proxy);
    }
}

class spare_that_dies : public session_spares, public testing::WithParamInterface<fault_kind> {};

/// It looked good until it was used.
TEST_P(spare_that_dies, costs_another_try_at_the_same_node_and_no_error) {
    node.play(failing_at_startup(GetParam()));
    auto options = keeping(1);
    options.timeouts.dial = GetParam() == fault_kind::hang ? 1s : 5s;
    test_proxy proxy(std::move(options));
    ASSERT_TRUE(wait_for_spares(proxy, 1));
    node.play({});
    auto client = proxy.login();
    EXPECT_EQ(answer_to(client, "select 1"), "select 1");
    const auto begun = begun_on(node);
    ASSERT_EQ(begun.size(), 2U);
    EXPECT_EQ(begun[0], 1U);
    EXPECT_EQ(node.record(begun[0]).startup, app);
    EXPECT_EQ(node.record(begun[1]).startup, app);
    EXPECT_TRUE(node.record(begun[1]).logged_in);
    EXPECT_EQ(node.record(begun[1]).before_tls, ssl_request());
    expect_no_trouble(proxy);
}

INSTANTIATE_TEST_SUITE_P(session_spares, spare_that_dies,
                         testing::Values(fault_kind::close, fault_kind::reset, fault_kind::hang),
                         [](const auto& one) {
                             return one.param == fault_kind::close   ? "closed"
                                    : one.param == fault_kind::reset ? "reset"
                                                                     : "silent";
                         });

TEST_F(session_spares, a_node_that_restarts_with_them_all_is_dialled) {
    test_proxy proxy(keeping(2));
    ASSERT_TRUE(wait_for_spares(proxy, 2));
    node.stop_listening();
    node.close_all(close_kind::reset);
    node.start_listening();
    auto client = proxy.login();
    EXPECT_EQ(answer_to(client, "select 1"), "select 1");
    expect_no_trouble(proxy);
}

TEST_F(session_spares, one_that_says_it_drains_sends_the_session_to_another_node) {
    fake_cockroach other(cluster.node());
    auto options = keeping(1);
    options.nodes.push_back(node_at(other.port()));
    test_proxy proxy(std::move(options));
    ASSERT_TRUE(wait_for_spares(proxy, 2));
    node.drain();
    auto client = proxy.login(); // the first node's turn
    EXPECT_EQ(answer_to(client, "select 1"), "select 1");
    const auto established = proxy.events().wait_for<events::session_established>();
    ASSERT_TRUE(established);
    EXPECT_EQ(established->node.address, other.address());
    EXPECT_EQ(established->dials, 2U);
    EXPECT_EQ(proxy.events().wait_for<events::startup_replayed>()->reason, "57P01");
    const auto failed = proxy.events().all<events::dial_failed>();
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_EQ(failed[0].node.address, node.address());
    EXPECT_EQ(failed[0].phase, "startup");
    EXPECT_EQ(begun_on(node), std::vector<std::uint64_t>{1}); // and not once more on a new one
    EXPECT_EQ(begun_on(other), std::vector<std::uint64_t>{1});
    ASSERT_TRUE(wait_for_spares(proxy, 2));
    EXPECT_EQ(node.connections(), 2U); // its spare, and that one's successor
    EXPECT_EQ(other.connections(), 2U);
}

TEST_F(session_spares, a_full_node_says_so_on_one_and_is_not_asked_again) {
    auto plays = behaviour{};
    plays.state = node_state::full;
    node.play(plays);
    test_proxy proxy(keeping(1));
    ASSERT_TRUE(wait_for_spares(proxy, 1));
    auto client = proxy.connect();
    client.send(startup_message(app));
    EXPECT_EQ(client.read_error().code, "53300");
    EXPECT_EQ(begun_on(node), std::vector<std::uint64_t>{1});
}

TEST_F(session_spares, a_minor_version_is_negotiated_down_as_without_them) {
    test_proxy proxy(keeping(1));
    ASSERT_TRUE(wait_for_spares(proxy, 1));
    auto client = proxy.connect();
    EXPECT_TRUE(client.login(app, protocol_3_2).negotiated);
    EXPECT_EQ(answer_to(client, "select 1"), "select 1");
    expect_no_trouble(proxy);
}

TEST_F(session_spares, under_other_roots_none_of_before_is_used) {
    test_proxy proxy(keeping(2));
    ASSERT_TRUE(wait_for_spares(proxy, 2));
    const good_cluster renewed;
    node.present(renewed.node_identity());
    auto options = keeping(2);
    options.ca_pem = renewed.ca.certificate_pem();
    proxy.change(options);
    auto client = proxy.login();
    EXPECT_EQ(answer_to(client, "select 1"), "select 1");
    ASSERT_TRUE(
        node.wait_until([](const auto& all) { return all[0].finished() && all[1].finished(); }));
    EXPECT_EQ(node.record(1).plaintext_count, 0U);
    EXPECT_EQ(node.record(2).plaintext_count, 0U);
    EXPECT_EQ(node.record(1).end, connection_end::close_notify);
    expect_no_trouble(proxy);
}

/// The node passed under the roots of before, and would not today.
TEST_F(session_spares, a_node_that_other_roots_refuse_hears_nothing_on_those_of_before) {
    test_proxy proxy(keeping(2));
    ASSERT_TRUE(wait_for_spares(proxy, 2));
    auto options = keeping(2);
    options.ca_pem = certificate_authority("Other CA").certificate_pem();
    proxy.change(options);
    auto client = proxy.connect();
    client.send(startup_message(app));
    EXPECT_EQ(client.read_error().code, "08004");
    EXPECT_TRUE(begun_on(node).empty());
    EXPECT_EQ(proxy.spares().kept(), 0U);
}

TEST_F(session_spares, a_session_that_began_on_one_outlives_the_change) {
    test_proxy proxy(keeping(1));
    ASSERT_TRUE(wait_for_spares(proxy, 1));
    auto client = proxy.login();
    auto options = keeping(0);
    options.ca_pem = certificate_authority("Other CA").certificate_pem();
    proxy.change(options);
    EXPECT_EQ(answer_to(client, "select 1"), "select 1");
}

} // namespace
} // namespace roachpin::test
