#include "component/good_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <thread>

/// Which node a session goes to, by how many there are and by tier.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
namespace events = core::events;

const parameter_map app{{"user", "app"}, {"database", "bank"}};

std::string answer_to(loopback_client& client, const std::string& sql) {
    const auto rows = client.query(sql);
    return rows.empty() ? "" : rows.front();
}

class balance : public testing::Test {
protected:
    test_proxy_options over(const std::vector<const fake_cockroach*>& nodes) const {
        test_proxy_options options;
        options.ca_pem = cluster.ca.certificate_pem();
        options.balance = policy::balance::least_connections;
        for (const auto* one : nodes) {
            options.nodes.push_back(node_at(one->port()));
        }
        return options;
    }

    static policy::node in_tier(unsigned tier, const fake_cockroach& at) {
        auto made = node_at(at.port());
        made.tier = tier;
        return made;
    }

    /// The proxy's own counts, in the order of `nodes`.
    static std::vector<std::size_t> counts(const test_proxy& proxy,
                                           const std::vector<const fake_cockroach*>& nodes) {
        std::map<std::uint16_t, std::size_t> by_port;
        for (const auto& one : proxy.places()) {
            by_port[one.where.port] = one.status->sessions->load();
        }
        std::vector<std::size_t> found;
        for (const auto* one : nodes) {
            found.push_back(by_port.at(one->port()));
        }
        return found;
    }

    std::vector<std::size_t> counts(const test_proxy& proxy) const {
        return counts(proxy, {&first, &second});
    }

    /// Sessions that the nodes have now.
    std::vector<std::size_t> open() const {
        return {first.open_connections(), second.open_connections()};
    }

    good_cluster cluster;
    fake_cockroach first{cluster.node()};
    fake_cockroach second{cluster.node()};
};

TEST_F(balance, sessions_that_stay_are_spread_evenly) {
    test_proxy proxy(over({&first, &second}));
    std::vector<loopback_client> staying;
    for (int i = 0; i < 10; ++i) {
        staying.push_back(proxy.login());
    }
    EXPECT_THAT(counts(proxy), ElementsAre(5U, 5U));
    EXPECT_THAT(open(), ElementsAre(5U, 5U));
}

TEST_F(balance, a_new_session_goes_to_the_emptier_node) {
    test_proxy proxy(over({&first, &second}));
    std::vector<loopback_client> at_first;
    std::vector<loopback_client> at_second;
    for (int i = 0; i < 8; ++i) {
        auto client = proxy.login();
        const auto where =
            proxy.events().wait_for<events::session_established>(static_cast<std::size_t>(i) + 1);
        ASSERT_TRUE(where);
        auto& there = where->node.address == first.address() ? at_first : at_second;
        there.push_back(std::move(client));
    }
    ASSERT_EQ(at_first.size(), 4U);
    at_second.clear();
    proxy.wait_for_connections(4);
    EXPECT_THAT(counts(proxy), ElementsAre(4U, 0U));
    std::vector<loopback_client> later;
    for (int i = 0; i < 4; ++i) { // all of them, until there are as many
        later.push_back(proxy.login());
        EXPECT_EQ(answer_to(later.back(), "select 1"), "select 1");
    }
    EXPECT_THAT(counts(proxy), ElementsAre(4U, 4U));
    EXPECT_EQ(first.connections(), 4U);
    EXPECT_EQ(second.connections(), 8U);
}

TEST_F(balance, round_robin_does_not_look_at_who_stays) {
    auto options = over({&first, &second});
    options.balance = policy::balance::round_robin;
    test_proxy proxy(std::move(options));
    std::vector<loopback_client> staying;
    for (int i = 0; i < 4; ++i) {
        staying.push_back(proxy.login()); // one to each in turn; the second's leave again
        if (i % 2 == 1) {
            staying.pop_back();
            proxy.wait_for_connections(staying.size());
        }
    }
    EXPECT_THAT(counts(proxy), ElementsAre(2U, 0U));
}

TEST_F(balance, counts_return_to_zero_however_sessions_end) {
    auto options = over({&first, &second});
    options.workers = 3;
    test_proxy proxy(std::move(options));
    std::vector<loopback_client> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(proxy.login());
    }
    EXPECT_THAT(counts(proxy), ElementsAre(4U, 4U));
    clients[0].send(terminate_message());
    clients[0].close();
    clients[1].close();
    clients[2].reset();
    clients[3].half_close();
    proxy.wait_for_connections(4);
    first.close_all(fake_cockroach::close_kind::reset);
    second.close_all(fake_cockroach::close_kind::clean);
    for (std::size_t i = 3; i < clients.size(); ++i) {
        clients[i].close();
    }
    proxy.wait_for_connections(0);
    EXPECT_THAT(counts(proxy), ElementsAre(0U, 0U));
}

TEST_F(balance, who_could_not_be_served_is_counted_nowhere) {
    auto options = over({&first, &second});
    options.ca_pem = certificate_authority("Other CA").certificate_pem();
    test_proxy proxy(std::move(options));
    auto client = proxy.connect();
    client.send(startup_message(app));
    EXPECT_EQ(client.read_error().code, "08004");
    client.close();
    proxy.wait_for_connections(0);
    EXPECT_THAT(counts(proxy), ElementsAre(0U, 0U));
}

TEST_F(balance, a_session_is_counted_where_it_is_not_where_it_was_refused) {
    first.drain();
    test_proxy proxy(over({&first, &second}));
    std::vector<loopback_client> staying;
    for (int i = 0; i < 4; ++i) {
        staying.push_back(proxy.login());
    }
    EXPECT_THAT(counts(proxy), ElementsAre(0U, 4U));
    EXPECT_EQ(first.connections(), 4U); // the emptier one was asked each time
    staying.clear();
    proxy.wait_for_connections(0);
    EXPECT_THAT(counts(proxy), ElementsAre(0U, 0U));
}

/// A session whose node is still being dialled weighs as much as one that has begun: a burst of
/// clients does not all go to the node that was emptiest before it.
TEST_F(balance, a_burst_is_spread_before_its_first_session_has_begun) {
    behaviour hanging;
    hanging.state = node_state::before_init;
    first.play(hanging);
    second.play(hanging);
    auto options = over({&first, &second});
    options.timeouts.dial = 60s;
    options.timeouts.establish = 60s;
    test_proxy proxy(std::move(options));
    std::vector<loopback_client> burst;
    for (std::size_t i = 1; i <= 6; ++i) {
        burst.push_back(proxy.connect());
        burst.back().send(startup_message(app));
        // one after the other: counts are no lock
        while (first.connections() + second.connections() < i) {
            std::this_thread::yield();
        }
    }
    EXPECT_THAT(counts(proxy), ElementsAre(3U, 3U));
    EXPECT_EQ(first.connections(), 3U);
    burst.clear();
    proxy.wait_for_connections(0);
    EXPECT_THAT(counts(proxy), ElementsAre(0U, 0U));
}

TEST_F(balance, the_next_tier_is_used_only_when_the_first_fails) {
    fake_cockroach far(cluster.node());
    auto options = over({});
    options.nodes = {in_tier(1, far), in_tier(0, first), in_tier(0, second)};
    test_proxy proxy(std::move(options));
    std::vector<loopback_client> staying;
    for (int i = 0; i < 6; ++i) { // however full the first tier is, and the other is empty
        staying.push_back(proxy.login());
    }
    EXPECT_THAT(counts(proxy, {&first, &second, &far}), ElementsAre(3U, 3U, 0U));

    first.stop_listening();
    for (int i = 0; i < 3; ++i) { // half of the tier is as good as the whole
        staying.push_back(proxy.login());
    }
    EXPECT_THAT(counts(proxy, {&first, &second, &far}), ElementsAre(3U, 6U, 0U));
    EXPECT_EQ(far.connections(), 0U);

    second.drain(); // its sessions end; it takes no other
    for (int i = 0; i < 2; ++i) {
        staying.push_back(proxy.login());
        EXPECT_EQ(answer_to(staying.back(), "select 1"), "select 1");
    }
    EXPECT_EQ(far.connections(), 2U);

    first.start_listening();
    staying.push_back(proxy.login());
    EXPECT_EQ(answer_to(staying.back(), "select 1"), "select 1");
    EXPECT_EQ(far.connections(), 2U);
    EXPECT_EQ(first.connections(), 4U);
}

TEST_F(balance, spares_are_kept_in_the_tier_that_is_used) {
    fake_cockroach far(cluster.node());
    auto options = over({});
    options.nodes = {in_tier(0, first), in_tier(0, second), in_tier(1, far)};
    options.spares = 1;
    test_proxy proxy(std::move(options));
    const auto give_up = core::clock::now() + 20s;
    while (proxy.spares().kept() < 2) {
        ASSERT_LT(core::clock::now(), give_up);
        std::this_thread::yield();
    }
    EXPECT_EQ(first.connections(), 1U);
    EXPECT_EQ(second.connections(), 1U);
    EXPECT_EQ(proxy.login().query("select 1").front(), "select 1");
    EXPECT_EQ(far.connections(), 0U);
}

} // namespace
} // namespace roachpin::test
