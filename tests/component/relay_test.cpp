#include "component/good_node.hpp"
#include "component/test_relay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <sys/resource.h>
#include <thread>

/// A client's own TLS to a node, end to end, and what becomes of its octets on the way.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using net::splice_end;

const parameter_map app{{"user", "app"}};
constexpr std::size_t mebibyte = 1 << 20;

/// Printed by name.
std::string end_of(const net::splice_result& result) {
    EXPECT_FALSE(result.may_tell_client);
    return std::string(net::to_string(result.end));
}

/// A client's close_notify reaches the node before its FIN does, so that the node may be first.
const auto properly = testing::AnyOf("client_closed", "node_closed");

class relay : public testing::Test {
protected:
    tls_client_options verifying() const {
        return {.ca_pem = cluster.ca.certificate_pem(), .sni = node_name, .verify_name = node_name};
    }

    loopback_client login(test_relay& through) const {
        auto client = through.connect();
        EXPECT_EQ(client.request_tls(), 'S');
        client.start_tls(verifying());
        client.login(app);
        return client;
    }

    descriptors_come_back check; // destroyed last
    good_cluster cluster;
};

TEST_F(relay, the_client_itself_proves_the_node) {
    auto options = cluster.node();
    const auto certificate = options.server.certificate_pem;
    fake_cockroach node(std::move(options));
    test_relay through(node.port());
    auto client = login(through);
    EXPECT_EQ(client.peer_certificate_pem(), certificate);
    EXPECT_EQ(client.query("select 1").front(), "select 1");
    const auto seen = node.record(1);
    EXPECT_EQ(seen.before_tls, ssl_request());
    EXPECT_EQ(seen.sni, node_name);
    EXPECT_EQ(seen.startup, app);
    client.half_close();
    EXPECT_EQ(client.read_until_end(), "");
    const auto result = through.next_end();
    EXPECT_THAT(end_of(result), properly);
    EXPECT_GT(result.bytes_to_node, 0U);
    EXPECT_GT(result.bytes_to_client, certificate.size() / 2);
}

TEST_F(relay, a_client_that_trusts_another_authority_refuses_the_node) {
    fake_cockroach node(cluster.node());
    test_relay through(node.port());
    auto client = through.connect();
    EXPECT_EQ(client.request_tls(), 'S');
    auto foreign = verifying();
    foreign.ca_pem = certificate_authority("Other CA").certificate_pem();
    EXPECT_THROW(client.start_tls(foreign), client_error);
    client.close();
    through.next_end();
    ASSERT_TRUE(node.wait_for_finished(1));
    EXPECT_EQ(node.record(1).plaintext_count, 0U);
}

TEST_F(relay, from_a_unix_socket) {
    const temp_dir files;
    fake_cockroach node(cluster.node(session_mode::raw_echo));
    test_relay through(node.port(), {}, "unix:" + (files.path() / "socket").string());
    auto client = login(through);
    const auto sent = flood_pattern(0, mebibyte / 4);
    client.send(sent);
    EXPECT_EQ(client.read_exactly(sent.size()), sent);
    client.half_close();
    EXPECT_EQ(client.read_until_end(), "");
    EXPECT_THAT(end_of(through.next_end()), properly);
}

TEST_F(relay, echoes_every_size_unchanged) {
    auto options = cluster.node(session_mode::raw_echo);
    options.key_update_every = 100'000;
    options.session_tickets = 2;
    fake_cockroach node(std::move(options));
    test_relay through(node.port());
    auto client = login(through);
    std::uint64_t offset = 0;
    for (const std::size_t size :
         {1U, 5U, 1000U, 16383U, 16384U, 16385U, 65536U, 65537U, 200000U}) {
        const auto sent = flood_pattern(offset, size);
        client.send(sent);
        EXPECT_EQ(client.read_exactly(size), sent) << size;
        offset += size;
    }
}

TEST_F(relay, sixty_four_mebibytes_there_and_back) {
    fake_cockroach node(cluster.node(session_mode::raw_echo));
    test_relay through(node.port());
    auto client = login(through);
    for (std::uint64_t offset = 0; offset < 64 * mebibyte; offset += mebibyte) {
        const auto sent = flood_pattern(offset, mebibyte);
        client.send(sent);
        ASSERT_TRUE(client.read_exactly(sent.size()) == sent) << offset;
    }
    client.half_close();
    EXPECT_EQ(client.read_until_end(), "");
    const auto result = through.next_end();
    EXPECT_THAT(end_of(result), properly);
    EXPECT_GT(result.bytes_to_node, 64 * mebibyte);
    EXPECT_GT(result.bytes_to_client, 64 * mebibyte);
    EXPECT_LT(result.bytes_to_client, 65 * mebibyte);
}

TEST_F(relay, delivers_a_flood_and_its_end) {
    auto flooding = cluster.node(session_mode::raw_flood);
    flooding.flood_bytes = 64 * mebibyte;
    fake_cockroach node(std::move(flooding));
    test_relay through(node.port());
    auto client = login(through);
    EXPECT_EQ(sha256_hex(client.read_until_end()), sha256_hex(flood_pattern(0, 64 * mebibyte)));
    EXPECT_EQ(client.ended_by(), client_failure::close_notify);
    client.close();
    EXPECT_EQ(end_of(through.next_end()), "node_closed");
}

TEST_F(relay, carries_an_upload_and_the_clients_end) {
    fake_cockroach node(cluster.node(session_mode::raw_sink));
    test_relay through(node.port());
    auto client = login(through);
    const auto sent = flood_pattern(0, 64 * mebibyte);
    client.send(sent);
    client.half_close();
    EXPECT_EQ(client.read_until_end(), "");
    ASSERT_TRUE(node.wait_for_finished(1));
    EXPECT_EQ(node.record(1).raw_sha256, sha256_hex(sent));
    EXPECT_EQ(node.record(1).end, connection_end::close_notify);
    EXPECT_THAT(end_of(through.next_end()), properly);
}

TEST_F(relay, gives_the_rest_after_a_half_close) {
    fake_cockroach node(cluster.node(session_mode::raw_echo));
    test_relay through(node.port());
    auto client = login(through);
    const auto sent = flood_pattern(0, mebibyte); // its echo fits the buffers on its way back
    client.send(sent);
    client.half_close();
    EXPECT_EQ(sha256_hex(client.read_until_end()), sha256_hex(sent));
    EXPECT_THAT(end_of(through.next_end()), properly);
}

/// Until the node can send no more: two looks that see the same count.
std::uint64_t sent_by_a_stopped(const fake_cockroach& node) {
    std::uint64_t before = 0;
    while (
        node.wait_until([&](const auto& records) { return records[0].raw_sent > before; }, 500ms)) {
        before = node.record(1).raw_sent;
    }
    return before;
}

TEST_F(relay, a_client_that_stops_reading_stops_the_node_and_loses_nothing) {
    auto flooding = cluster.node(session_mode::raw_flood);
    flooding.flood_bytes = 128 * mebibyte;
    fake_cockroach node(std::move(flooding));
    test_relay through(node.port());
    auto client = login(through);
    EXPECT_LT(sent_by_a_stopped(node), 64 * mebibyte); // the kernel's buffers
    EXPECT_GE(descriptors("pipe:"), 2U);
    client.set_patience(60s);
    EXPECT_EQ(sha256_hex(client.read_until_end()), sha256_hex(flood_pattern(0, 128 * mebibyte)));
}

TEST_F(relay, a_node_that_stops_reading_stops_the_client_and_loses_nothing) {
    fake_cockroach node(cluster.node(session_mode::stop_reading));
    test_relay through(node.port());
    auto client = login(through);
    const auto sent = flood_pattern(0, 16 * mebibyte);
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

/// No more descriptors for this process as long as it lives.
class no_descriptors_left {
public:
    no_descriptors_left() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit none = before_;
        none.rlim_cur = 3; // what is open stays open
        ::setrlimit(RLIMIT_NOFILE, &none);
    }

    no_descriptors_left(const no_descriptors_left&) = delete;
    no_descriptors_left& operator=(const no_descriptors_left&) = delete;

    ~no_descriptors_left() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// The stuck session gives its pipe up to the others and keeps its octets in memory.
TEST_F(relay, out_of_descriptors_a_stopped_reader_stops_nobody_else) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the sanitizer asks whether memory can be read by a pipe of its own";
#endif
    fake_cockroach node(cluster.node());
    test_relay through(node.port());
    auto other = login(through);
    node.play({.session = session_mode::stop_reading});
    auto stuck = login(through);
    const auto sent = flood_pattern(0, 16 * mebibyte);
    std::optional<no_descriptors_left> limit(std::in_place);
    std::thread sender([&] {
        stuck.set_patience(60s);
        stuck.send(sent);
        stuck.half_close();
    });
    EXPECT_FALSE(
        node.wait_until([](const auto& records) { return records[1].raw_received > 0; }, 300ms));
    EXPECT_EQ(other.query("select 1").front(), "select 1");
    node.resume();
    sender.join();
    EXPECT_EQ(stuck.read_until_end(), "");
    limit.reset();
    EXPECT_TRUE(node.wait_until([](const auto& records) { return records[1].finished(); }));
    EXPECT_EQ(node.record(2).raw_sha256, sha256_hex(sent));
}

TEST_F(relay, idle_sessions_have_no_pipe) {
    fake_cockroach node(cluster.node());
    const auto before = descriptors("pipe:");
    test_relay through(node.port());
    std::vector<loopback_client> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(login(through));
        EXPECT_EQ(clients.back().query("select 1").front(), "select 1");
    }
    EXPECT_LE(descriptors("pipe:"), before + 2); // of all of them together
}

TEST_F(relay, a_node_that_resets_is_lost) {
    fake_cockroach node(cluster.node());
    test_relay through(node.port());
    auto client = login(through);
    node.close_all(fake_cockroach::close_kind::reset);
    EXPECT_TRUE(client.wait_for_end());
    const auto result = through.next_end();
    EXPECT_EQ(end_of(result), "node_lost");
    EXPECT_EQ(result.cause, boost::system::errc::connection_reset);
}

TEST_F(relay, a_client_that_closes_without_a_word_of_goodbye_has_closed) {
    fake_cockroach node(cluster.node());
    test_relay through(node.port());
    login(through).close();
    EXPECT_EQ(end_of(through.next_end()), "client_closed");
    ASSERT_TRUE(node.wait_for_finished(1));
    EXPECT_EQ(node.record(1).end, connection_end::eof);
}

TEST_F(relay, a_client_that_resets_is_lost) {
    fake_cockroach node(cluster.node());
    test_relay through(node.port());
    auto client = login(through);
    client.reset();
    const auto result = through.next_end();
    EXPECT_EQ(end_of(result), "client_lost");
    EXPECT_EQ(result.cause, boost::system::errc::connection_reset);
    EXPECT_TRUE(node.wait_for_finished(1));
}

TEST_F(relay, a_stopped_reader_that_resets_is_lost_with_what_was_underway) {
    auto flooding = cluster.node(session_mode::raw_flood);
    flooding.flood_bytes = 128 * mebibyte;
    fake_cockroach node(std::move(flooding));
    test_relay through(node.port());
    auto client = login(through);
    sent_by_a_stopped(node);
    client.reset();
    EXPECT_EQ(end_of(through.next_end()), "client_lost");
}

TEST_F(relay, a_node_that_closes_without_a_word_of_goodbye_has_closed) {
    fake_cockroach node(cluster.node());
    test_relay through(node.port());
    auto client = login(through);
    node.close_all(fake_cockroach::close_kind::abrupt);
    EXPECT_EQ(client.wait_for_end(), client_failure::eof);
    client.close();
    EXPECT_EQ(end_of(through.next_end()), "node_closed");
}

TEST_F(relay, a_node_that_closes_before_it_said_anything_is_lost) {
    auto faulty = cluster.node();
    faulty.plays.fault = session_fault{session_step::client_hello, fault_kind::close};
    fake_cockroach node(std::move(faulty));
    test_relay through(node.port());
    auto client = through.connect();
    EXPECT_EQ(client.request_tls(), 'S');
    EXPECT_THROW(client.start_tls(verifying()), client_error);
    const auto result = through.next_end();
    EXPECT_EQ(end_of(result), "node_lost");
    EXPECT_EQ(result.bytes_to_client, 0U);
}

TEST_F(relay, ends_when_only_one_side_has_ended_for_too_long) {
    fake_cockroach node(cluster.node(session_mode::stop_reading));
    test_relay through(node.port(), {.half_close = 200ms});
    auto client = login(through);
    client.half_close();
    EXPECT_EQ(end_of(through.next_end()), "half_close_timeout");
}

TEST_F(relay, ends_an_idle_session_only_when_asked) {
    fake_cockroach node(cluster.node());
    test_relay through(node.port(), {.idle = 400ms});
    auto client = login(through);
    for (int i = 0; i < 10; ++i) { // active for longer than the limit
        EXPECT_EQ(client.query("select 1").front(), "select 1");
        EXPECT_TRUE(client.stays_silent_for(50ms));
    }
    EXPECT_EQ(end_of(through.next_end()), "idle_timeout");
    EXPECT_TRUE(client.wait_for_end());
}

TEST_F(relay, ends_when_cancelled) {
    fake_cockroach node(cluster.node());
    test_relay through(node.port());
    auto client = login(through);
    through.cancel_all();
    EXPECT_EQ(end_of(through.next_end()), "cancelled");
    EXPECT_TRUE(client.wait_for_end());
    EXPECT_TRUE(node.wait_for_finished(1));
}

TEST_F(relay, ends_when_cancelled_with_octets_underway) {
    fake_cockroach node(cluster.node(session_mode::stop_reading));
    test_relay through(node.port());
    auto client = login(through);
    client.set_patience(300ms);
    EXPECT_THROW(client.send(flood_pattern(0, 64 * mebibyte)), client_error); // takes no more
    through.cancel_all();
    EXPECT_EQ(end_of(through.next_end()), "cancelled");
}

} // namespace
} // namespace roachpin::test
