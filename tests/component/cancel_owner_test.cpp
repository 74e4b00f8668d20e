#include "component/good_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

/// Cancel requests: to the node whose session it is, and silence to whoever asks.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
namespace events = core::events;

const parameter_map app{{"user", "app"}, {"database", "bank"}};

/// Given out by no node.
constexpr std::uint64_t unknown_key = 0x0102030405060708;

fake_cockroach_options instance(const good_cluster& cluster, std::uint32_t id) {
    auto options = cluster.node();
    options.sql_instance_id = id;
    return options;
}

/// A client and the key of its session.
struct key_holder {
    loopback_client client;
    std::uint64_t key;
};

class cancel_owner : public testing::Test {
protected:
    test_proxy_options options() const {
        auto made = cluster.proxy_for(first);
        made.nodes.push_back(node_at(second.port()));
        return made;
    }

    key_holder login() {
        auto client = proxy.connect();
        const auto key = client.login(app).backend_key;
        EXPECT_NE(key, 0U);
        return {std::move(client), key};
    }

    /// Nobody is answered, whatever comes of it.
    void cancel(std::uint64_t key) {
        auto canceller = proxy.connect();
        canceller.send(cancel_request(key));
        EXPECT_EQ(canceller.read_until_end(), "");
        EXPECT_EQ(canceller.ended_by(), client_failure::eof);
    }

    /// What became of one request that was sent on; it is told of before the client hears the end.
    events::cancel_forwarded forwarded(std::uint64_t key) {
        const auto before = proxy.events().all<events::cancel_forwarded>().size();
        cancel(key);
        const auto all = proxy.events().all<events::cancel_forwarded>();
        EXPECT_EQ(all.size(), before + 1);
        return all.empty() ? events::cancel_forwarded{} : all.back();
    }

    std::size_t rate_limited() {
        const auto failed = proxy.events().all<events::cancel_failed>();
        return static_cast<std::size_t>(
            std::count_if(failed.begin(), failed.end(),
                          [](const auto& one) { return one.reason == "rate_limited"; }));
    }

    bool is_rate_limited(std::uint64_t key) {
        const auto before = rate_limited();
        cancel(key);
        return rate_limited() > before;
    }

    /// The keys that came to a node, in the order of their connections.
    static std::vector<std::uint64_t> keys_at(const fake_cockroach& node) {
        std::vector<std::uint64_t> keys;
        for (const auto& one : node.all()) {
            if (one.cancel_key) {
                keys.push_back(*one.cancel_key);
            }
        }
        return keys;
    }

    good_cluster cluster;
    fake_cockroach first{instance(cluster, 1)};
    fake_cockroach second{instance(cluster, 2)};
    test_proxy proxy{options()};
};

TEST_F(cancel_owner, a_cancel_goes_to_the_node_that_gave_the_key) {
    const auto at_first = login();
    const auto at_second = login();
    ASSERT_EQ(first.record(1).backend_key, at_first.key);
    ASSERT_EQ(second.record(1).backend_key, at_second.key);
    for (int i = 0; i < 3; ++i) { // whoever's turn it would be
        const auto to_first = forwarded(at_first.key);
        EXPECT_TRUE(to_first.owner);
        EXPECT_EQ(to_first.node.address, first.address());
    }
    const auto to_second = forwarded(at_second.key);
    EXPECT_TRUE(to_second.owner);
    EXPECT_EQ(to_second.node.address, second.address());
    EXPECT_EQ(keys_at(first), std::vector<std::uint64_t>(3, at_first.key));
    EXPECT_EQ(keys_at(second), std::vector<std::uint64_t>{at_second.key});
}

TEST_F(cancel_owner, it_goes_inside_tls_and_ends_the_statement) {
    auto session = login();
    session.client.send(query_message("select pg_sleep(1000)"));
    ASSERT_TRUE(first.wait_until([](const auto& all) { return !all[0].queries.empty(); }));
    EXPECT_TRUE(forwarded(session.key).owner);
    EXPECT_EQ(session.client.read_error().code, "57014");
    const auto seen = first.record(2);
    EXPECT_EQ(seen.before_tls, ssl_request());
    EXPECT_TRUE(seen.tls_completed);
    EXPECT_EQ(seen.plaintext, cancel_request(session.key));
}

TEST_F(cancel_owner, a_key_that_nobody_gave_goes_to_some_node) {
    const auto session = login();
    const auto one = forwarded(unknown_key);
    EXPECT_FALSE(one.owner);
    const auto& there = one.node.address == first.address() ? first : second;
    const auto& not_there = one.node.address == first.address() ? second : first;
    EXPECT_EQ(one.node.address, there.address());
    EXPECT_EQ(keys_at(there), std::vector{unknown_key});
    EXPECT_TRUE(keys_at(not_there).empty());
    const auto seen = there.all().back();
    EXPECT_EQ(seen.before_tls, ssl_request());
    EXPECT_TRUE(seen.tls_completed);
}

TEST_F(cancel_owner, half_a_right_key_is_none) {
    const auto session = login();
    EXPECT_FALSE(forwarded(session.key ^ 1U).owner);
    EXPECT_FALSE(forwarded(session.key ^ (std::uint64_t{1} << 63U)).owner);
    EXPECT_TRUE(forwarded(session.key).owner);
}

TEST_F(cancel_owner, a_key_is_forgotten_with_its_session_and_no_other_is) {
    auto ending = login();
    login();                      // the second node's turn
    const auto staying = login(); // at the first again
    ASSERT_EQ(first.connections(), 2U);
    ASSERT_TRUE(forwarded(ending.key).owner);
    ending.client.close();
    proxy.wait_for_connections(1);
    EXPECT_FALSE(forwarded(ending.key).owner);
    EXPECT_TRUE(forwarded(staying.key).owner);
}

TEST_F(cancel_owner, an_owner_that_cannot_be_reached_is_replaced) {
    const auto session = login();
    first.stop_listening();
    const auto one = forwarded(session.key);
    EXPECT_FALSE(one.owner);
    EXPECT_EQ(one.node.address, second.address());
    EXPECT_EQ(keys_at(second), std::vector{session.key});
}

/// Who has taken the owner's address since does not learn the key.
TEST_F(cancel_owner, an_owner_that_does_not_prove_itself_hears_nothing) {
    const auto session = login();
    first.present(certificate_authority("Other CA").issue({.dns_sans = {node_name}}));
    const auto one = forwarded(session.key);
    EXPECT_FALSE(one.owner);
    EXPECT_EQ(one.node.address, second.address());
    ASSERT_TRUE(first.wait_until([](const auto& all) { return all.back().finished(); }));
    EXPECT_EQ(first.all().size(), 2U);
    EXPECT_EQ(first.record(2).before_tls, ssl_request());
    EXPECT_EQ(first.record(2).plaintext_count, 0U);
}

TEST_F(cancel_owner, without_any_node_the_silence_is_the_same) {
    auto session = login();
    first.stop_listening();
    second.stop_listening();
    cancel(session.key);
    cancel(unknown_key);
    const auto failed = proxy.events().all<events::cancel_failed>();
    ASSERT_EQ(failed.size(), 2U);
    EXPECT_EQ(failed[0].reason, "no_node_reached");
    EXPECT_EQ(failed[1].reason, "no_node_reached");
    EXPECT_EQ(session.client.query("select 1").front(), "select 1");
}

/// Nodes that refuse at once: requests come faster than they are allowed, on any machine.
TEST_F(cancel_owner, beyond_its_rate_no_request_is_sent_on_with_a_right_key_neither) {
    constexpr int far_beyond_the_burst = 2000;
    auto session = login();
    first.stop_listening();
    second.stop_listening();
    for (int i = 0; i < 100; ++i) {
        ASSERT_FALSE(is_rate_limited(unknown_key)) << "after " << i;
    }
    bool right_one_was_limited = false;
    for (int i = 0; i < far_beyond_the_burst && !right_one_was_limited; ++i) {
        if (is_rate_limited(unknown_key)) {
            right_one_was_limited = is_rate_limited(session.key);
        }
    }
    ASSERT_TRUE(right_one_was_limited);
    EXPECT_TRUE(proxy.events().all<events::cancel_forwarded>().empty());
    EXPECT_EQ(session.client.query("select 1").front(), "select 1");

    first.start_listening(); // and in time a request is allowed again
    const auto give_up = core::clock::now() + 20s;
    while (proxy.events().all<events::cancel_forwarded>().empty()) {
        ASSERT_LT(core::clock::now(), give_up);
        cancel(session.key);
    }
    EXPECT_TRUE(proxy.events().all<events::cancel_forwarded>().front().owner);
    EXPECT_EQ(keys_at(first), std::vector{session.key});
}

} // namespace
} // namespace roachpin::test
