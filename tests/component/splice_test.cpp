#include "component/good_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

/// What happens to octets between a client and a verified node.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using core::events::session_ended;

const parameter_map app{{"user", "app"}};

/// The sessions run in clear and inside local TLS alike.
class splice : public testing::TestWithParam<bool> {
protected:
    test_proxy_options options_for(const fake_cockroach& node) const {
        return GetParam() ? cluster.tls_proxy_for(node) : cluster.proxy_for(node);
    }

    loopback_client login(test_proxy& proxy) const {
        auto client = proxy.connect();
        if (GetParam()) {
            EXPECT_EQ(client.request_tls(), 'S');
            client.start_tls({.ca_pem = cluster.ca.certificate_pem()});
        }
        client.login(app);
        return client;
    }

    good_cluster cluster;
};

INSTANTIATE_TEST_SUITE_P(client, splice, testing::Bool(),
                         [](const auto& row) { return row.param ? "tls" : "clear"; });

TEST_P(splice, echoes_every_size_unchanged) {
    auto options = cluster.node(session_mode::raw_echo);
    options.key_update_every = 100'000; // TLS messages of its own in the middle
    options.session_tickets = 2;
    fake_cockroach node(std::move(options));
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    std::uint64_t offset = 0;
    for (const std::size_t size :
         {1U, 5U, 1000U, 16383U, 16384U, 16385U, 65536U, 65537U, 200000U}) {
        const auto sent = flood_pattern(offset, size);
        client.send(sent);
        EXPECT_EQ(client.read_exactly(size), sent) << size;
        offset += size;
    }
}

TEST_P(splice, delivers_a_flood_and_its_end) {
    auto flooding = cluster.node(session_mode::raw_flood);
    flooding.flood_bytes = 16 << 20;
    flooding.key_update_every = 10 << 20;
    fake_cockroach node(std::move(flooding));
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    EXPECT_EQ(sha256_hex(client.read_until_end()), sha256_hex(flood_pattern(0, 16 << 20)));
    if (GetParam()) {
        EXPECT_EQ(client.ended_by(), client_failure::close_notify);
    }
    client.close();
    const auto ended = proxy.events().wait_for<session_ended>();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->reason, "node_lost"); // what came were no whole messages
    EXPECT_GE(ended->bytes_to_client, 16U << 20);
}

TEST_P(splice, carries_an_upload_and_the_client_s_end) {
    fake_cockroach node(cluster.node(session_mode::raw_sink));
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    const auto sent = flood_pattern(0, 32 << 20);
    client.send(sent);
    client.half_close();
    EXPECT_EQ(client.read_until_end(), "");
    ASSERT_TRUE(node.wait_for_finished(1));
    const auto seen = node.record(1);
    EXPECT_EQ(seen.raw_sha256, sha256_hex(sent));
    EXPECT_EQ(seen.end, connection_end::close_notify);
    EXPECT_EQ(proxy.events().wait_for<session_ended>()->reason, "client_closed");
}

TEST_P(splice, gives_the_rest_after_a_half_close) {
    fake_cockroach node(cluster.node(session_mode::raw_echo));
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    const auto sent = flood_pattern(0, 1 << 20);
    std::thread sender([&] {
        client.send(sent);
        client.half_close();
    });
    sender.join(); // the echo of 1 MiB fits the buffers on its way back
    EXPECT_EQ(sha256_hex(client.read_until_end()), sha256_hex(sent));
}

TEST_P(splice, ends_when_only_one_side_has_ended_for_too_long) {
    fake_cockroach node(cluster.node(session_mode::stop_reading));
    auto options = options_for(node);
    options.timeouts.splice.half_close = 200ms;
    test_proxy proxy(std::move(options));
    auto client = login(proxy);
    client.half_close();
    const auto ended = proxy.events().wait_for<session_ended>();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->reason, "half_close_timeout");
}

TEST_P(splice, ends_an_idle_session_only_when_asked) {
    fake_cockroach node(cluster.node());
    auto options = options_for(node);
    options.timeouts.splice.idle = 300ms;
    test_proxy proxy(std::move(options));
    auto client = login(proxy);
    for (int i = 0; i < 10; ++i) { // active for longer than the limit
        EXPECT_EQ(client.query("select 1").front(), "select 1");
        EXPECT_TRUE(client.stays_silent_for(50ms));
    }
    EXPECT_TRUE(proxy.events().all<session_ended>().empty());
    const auto ended = proxy.events().wait_for<session_ended>();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->reason, "idle_timeout");
}

std::size_t resident_kib() {
    std::ifstream status("/proc/self/status");
    std::string line;
    while (std::getline(status, line)) {
        if (line.starts_with("VmRSS:")) {
            return std::stoul(line.substr(6));
        }
    }
    return 0;
}

TEST_P(splice, a_client_that_stops_reading_stops_the_node) {
    auto flooding = cluster.node(session_mode::raw_flood);
    flooding.flood_bytes = 512 << 20;
    fake_cockroach node(std::move(flooding));
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    static_cast<void>(client.read_some()); // it flows
    const auto before = resident_kib();
    // Until the node can send no more: two looks that see the same count.
    std::uint64_t sent = 0;
    for (std::uint64_t now = 1; now != sent;) {
        sent = now;
        EXPECT_FALSE(node.wait_until(
                         [&](const auto& records) { return records[0].raw_sent > sent; }, 500ms) &&
                     sent > (256U << 20));
        now = node.record(1).raw_sent;
    }
    EXPECT_LT(node.record(1).raw_sent, 128U << 20); // the kernel's buffers, not ours
    EXPECT_LT(resident_kib(), before + 32 * 1024);
    client.reset();
    EXPECT_TRUE(proxy.events().wait_for<session_ended>());
}

TEST_P(splice, a_node_that_stops_reading_stops_the_client_and_loses_nothing) {
    fake_cockroach node(cluster.node(session_mode::stop_reading));
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    const auto sent = flood_pattern(0, 16 << 20);
    std::thread sender([&] {
        client.set_patience(60s);
        client.send(sent);
        client.half_close();
    });
    EXPECT_FALSE(
        node.wait_until([](const auto& records) { return records[0].raw_received > 0; }, 300ms));
    node.resume();
    sender.join();
    EXPECT_EQ(client.read_until_end(), "");
    ASSERT_TRUE(node.wait_for_finished(1));
    EXPECT_EQ(node.record(1).raw_sha256, sha256_hex(sent));
}

TEST_P(splice, the_client_is_told_when_the_node_goes_away) {
    for (const auto how : {fake_cockroach::close_kind::abrupt, fake_cockroach::close_kind::reset}) {
        fake_cockroach node(cluster.node());
        test_proxy proxy(options_for(node));
        auto client = login(proxy);
        EXPECT_EQ(client.query("select 1").front(), "select 1");
        node.close_all(how);
        const auto error = client.read_error();
        EXPECT_EQ(error.code, "08006");
        EXPECT_THAT(error.detail, testing::HasSubstr(node_name));
        const auto ended = proxy.events().wait_for<session_ended>();
        ASSERT_TRUE(ended);
        EXPECT_EQ(ended->reason, "node_lost");
        EXPECT_FALSE(ended->routine);
    }
}

TEST_P(splice, nothing_is_put_into_the_middle_of_a_message) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    node.send_to_sessions(encode_message('D', std::string(100, 'x')).substr(0, 50));
    EXPECT_EQ(client.read_exactly(50).size(), 50U);
    node.close_all(fake_cockroach::close_kind::abrupt);
    EXPECT_EQ(client.wait_for_end().has_value(), true);
    EXPECT_TRUE(proxy.events().all<core::events::client_refused>().empty());
}

TEST_P(splice, the_node_s_own_last_word_is_the_last) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    node.terminate_sessions({"FATAL", "57P01", "server is shutting down", "", ""});
    EXPECT_EQ(client.read_error().code, "57P01");
    EXPECT_EQ(client.read_until_end(), "");
}

/// It has answered nothing, so this is no session's loss: another node would have been tried.
TEST_P(splice, a_node_that_dies_before_its_first_answer_was_not_reached) {
    struct row {
        fault_kind kind;
        session_step after;
    };

    for (const auto& [kind, after] : {row{fault_kind::reset, session_step::startup},
                                      row{fault_kind::close, session_step::startup},
                                      row{fault_kind::close, session_step::handshake},
                                      row{fault_kind::reset, session_step::handshake}}) {
        auto faulty = cluster.node();
        faulty.plays.fault = session_fault{after, kind};
        fake_cockroach node(std::move(faulty));
        test_proxy proxy(options_for(node));
        try {
            login(proxy);
            FAIL();
        } catch (const server_refusal& refusal) {
            EXPECT_EQ(refusal.fields().code, "08001");
            EXPECT_NE(refusal.fields().detail.find("startup, closed"), std::string::npos);
        }
    }
}

TEST_P(splice, four_hundred_sessions_at_once) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    std::vector<loopback_client> clients;
    for (int i = 0; i < 400; ++i) {
        clients.push_back(login(proxy));
    }
    EXPECT_EQ(proxy.connections(), 400U);
    EXPECT_THAT(proxy.loads(), testing::Each(testing::AllOf(testing::Ge(190U), testing::Le(210U))));
    for (auto& client : clients) {
        EXPECT_EQ(client.query("select 1").front(), "select 1");
    }
    clients.clear();
    ASSERT_TRUE(proxy.events().wait_for<session_ended>(400));
    proxy.wait_for_connections(0);
}

TEST_P(splice, stopping_waits_then_cancels) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto staying = login(proxy);
    auto leaving = login(proxy);
    std::thread leaver([&] { leaving.close(); });
    EXPECT_EQ(proxy.stop(500ms), 1U);
    leaver.join();
    EXPECT_TRUE(staying.wait_for_end());
    EXPECT_EQ(proxy.connections(), 0U);
}

} // namespace
} // namespace roachpin::test
