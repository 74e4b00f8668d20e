#include "component/good_node.hpp"
#include "support/fake_replies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>

/// Sessions whose end was ordered: it comes when nothing is under way, and is said to both sides.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using core::events::session_ended;
using net::retirement;
using net::retirement_reason;

const parameter_map app{{"user", "app"}};

/// An end that can only come at an idle boundary.
const retirement whenever_idle{retirement_reason::not_admitted, "The test has ordered it"};

retirement soon(std::string detail = whenever_idle.detail) {
    return {retirement_reason::not_admitted, std::move(detail), core::clock::now() + 300ms};
}

/// Long enough for a session to end that must not.
constexpr auto a_while = 150ms;

/// In clear and inside local TLS alike.
class retirement_of : public testing::TestWithParam<bool> {
protected:
    test_proxy_options options_for(const fake_cockroach& node) const {
        return GetParam() ? cluster.tls_proxy_for(node) : cluster.proxy_for(node);
    }

    loopback_client connect(test_proxy& proxy) const {
        auto client = proxy.connect();
        if (GetParam()) {
            EXPECT_EQ(client.request_tls(), 'S');
            client.start_tls({.ca_pem = cluster.ca.certificate_pem()});
        }
        return client;
    }

    loopback_client login(test_proxy& proxy, const parameter_map& startup = app) const {
        auto client = connect(proxy);
        client.login(startup);
        return client;
    }

    /// Two octets more, or a connection just cut, and it would not be.
    void expect_properly_closed(loopback_client& client) const {
        EXPECT_EQ(client.read_until_end(), "");
        EXPECT_EQ(client.ended_by(),
                  GetParam() ? client_failure::close_notify : client_failure::eof);
    }

    /// One whole FATAL, and the end.
    void expect_told(loopback_client& client, const std::string& detail,
                     const std::string& message = "while it was idle") const {
        const auto error = client.read_error();
        EXPECT_EQ(error.severity, "FATAL");
        EXPECT_EQ(error.code, "57P01");
        EXPECT_THAT(error.message, testing::HasSubstr(message));
        EXPECT_THAT(error.detail, testing::StartsWith(detail));
        expect_properly_closed(client);
    }

    void expect_retired(loopback_client& client, test_proxy& proxy,
                        const std::string& detail = whenever_idle.detail) const {
        expect_told(client, detail);
        const auto ended = proxy.events().wait_for<session_ended>();
        ASSERT_TRUE(ended);
        EXPECT_EQ(ended->reason, "retired");
        EXPECT_EQ(ended->detail, detail);
        EXPECT_TRUE(ended->routine);
    }

    static void expect_untouched(loopback_client& client, test_proxy& proxy) {
        EXPECT_TRUE(client.stays_silent_for(a_while));
        EXPECT_TRUE(proxy.events().all<session_ended>().empty());
    }

    static void run_statement(loopback_client& client, const fake_cockroach& node) {
        client.send(query_message("select pg_sleep(1)"));
        ASSERT_TRUE(
            node.wait_until([](const auto& records) { return !records.back().queries.empty(); }));
    }

    static std::string types_up_to_ready(loopback_client& client) {
        std::string types;
        while (!types.ends_with('Z')) {
            types += client.read_message().type;
        }
        return types;
    }

    good_cluster cluster;
};

INSTANTIATE_TEST_SUITE_P(client, retirement_of, testing::Bool(),
                         [](const auto& row) { return row.param ? "tls" : "clear"; });

TEST_P(retirement_of, an_idle_session_is_told_to_both_sides) {
    fake_cockroach node(cluster.node(session_mode::raw_sink));
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    proxy.retire_all(whenever_idle);
    expect_retired(client, proxy);
    ASSERT_TRUE(node.wait_for_finished(1));
    const auto seen = node.record(1);
    EXPECT_EQ(seen.plaintext, startup_message(app) + terminate_message());
    EXPECT_EQ(seen.end, connection_end::close_notify);
    client.close();
    proxy.wait_for_connections(0);
}

TEST_P(retirement_of, the_log_has_the_event_that_the_client_is_told) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    EXPECT_EQ(client.query("select 1").front(), "select 1");
    proxy.retire_all(net::draining_order());
    const auto error = client.read_error();
    EXPECT_EQ(error.detail, "roachpin is draining.");
    EXPECT_THAT(error.hint, testing::HasSubstr(proxy.events().last_id<session_ended>()));
}

TEST_P(retirement_of, a_running_statement_comes_to_its_end) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    run_statement(client, node);
    proxy.retire_all(whenever_idle);
    expect_untouched(client, proxy);
    node.resume();
    EXPECT_EQ(types_up_to_ready(client), "TDCZ");
    expect_retired(client, proxy);
}

TEST_P(retirement_of, an_open_transaction_comes_to_its_end) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    client.send(query_message("BEGIN"));
    EXPECT_EQ(types_up_to_ready(client), "CZ");
    proxy.retire_all(whenever_idle);
    expect_untouched(client, proxy);
    EXPECT_EQ(client.query("select 1").front(), "select 1");
    expect_untouched(client, proxy);
    client.send(query_message("COMMIT"));
    EXPECT_EQ(types_up_to_ready(client), "CZ");
    expect_retired(client, proxy);
}

TEST_P(retirement_of, a_failed_transaction_is_still_open) {
    fake_cockroach node(cluster.node(session_mode::raw_sink)); // the test answers
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    client.send(query_message("select 1 / 0"));
    const auto failed =
        encode_error({"ERROR", "22012", "division by zero", "", ""}) + ready_for_query('E');
    ASSERT_TRUE(node.wait_until(
        [](const auto& records) { return records.back().received("select 1 / 0"); }));
    node.send_to_sessions(failed);
    EXPECT_EQ(client.read_exactly(failed.size()), failed);
    proxy.retire_all(whenever_idle);
    expect_untouched(client, proxy);
    client.send(query_message("ROLLBACK"));
    ASSERT_TRUE(
        node.wait_until([](const auto& records) { return records.back().received("ROLLBACK"); }));
    const auto rolled_back = command_complete("ROLLBACK") + ready_for_query('I');
    node.send_to_sessions(rolled_back);
    EXPECT_EQ(client.read_exactly(rolled_back.size()), rolled_back);
    expect_retired(client, proxy);
}

TEST_P(retirement_of, a_batch_without_its_sync_is_under_way) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    client.send(encode_message('P', c_string("") + c_string("select 1") + std::string(2, '\0')));
    EXPECT_EQ(client.read_error().code, "0A000"); // which is no end: the Sync is
    proxy.retire_all(whenever_idle);
    expect_untouched(client, proxy);
    client.send(encode_message('S'));
    EXPECT_EQ(types_up_to_ready(client), "Z");
    expect_retired(client, proxy);
}

TEST_P(retirement_of, half_a_message_of_the_node_is_completed) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    const auto notice = encode_message('S', c_string("TimeZone") + c_string("UTC"));
    node.send_to_sessions(notice.substr(0, 7));
    EXPECT_EQ(client.read_exactly(7), notice.substr(0, 7));
    proxy.retire_all(whenever_idle);
    expect_untouched(client, proxy);
    node.send_to_sessions(notice.substr(7));
    EXPECT_EQ(client.read_exactly(notice.size() - 7), notice.substr(7));
    expect_retired(client, proxy);
}

TEST_P(retirement_of, half_a_message_of_the_client_is_completed_and_answered) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    const auto query = query_message("select 'in two pieces'");
    client.send(query.substr(0, 9));
    ASSERT_TRUE(node.wait_until([&](const auto& records) {
        return records.back().plaintext_count == startup_message(app).size() + 9;
    }));
    proxy.retire_all(whenever_idle);
    expect_untouched(client, proxy);
    client.send(query.substr(9));
    EXPECT_EQ(types_up_to_ready(client), "TDCZ");
    expect_retired(client, proxy);
}

/// The client could not know of the order when it sent it.
TEST_P(retirement_of, a_statement_that_has_arrived_unread_is_answered) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    proxy.while_workers_stand_still([&] {
        client.send(query_message("select 1"));
        proxy.retire_all(whenever_idle);
    });
    EXPECT_EQ(types_up_to_ready(client), "TDCZ");
    expect_retired(client, proxy);
}

/// What a node has begun is answered, what it has not is refused: nothing in between.
TEST_P(retirement_of, no_statement_of_busy_clients_is_lost) {
    constexpr std::size_t clients = 8;
    constexpr std::size_t statements = 900; // a fake node remembers no more than 1000
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    std::array<std::size_t, clients> answered{};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < clients; ++i) {
        threads.emplace_back([&, i] {
            auto client = login(proxy, {{"user", "app" + std::to_string(i)}});
            try {
                while (answered[i] < statements) {
                    EXPECT_THAT(client.query("select 1"), testing::ElementsAre("select 1"));
                    ++answered[i];
                }
                EXPECT_EQ(client.read_error().code, "57P01");
            } catch (const server_refusal& refusal) {
                EXPECT_EQ(refusal.fields().code, "57P01");
            } catch (const client_error& error) {
                ADD_FAILURE() << error.what();
            }
        });
    }
    EXPECT_TRUE(node.wait_until([&](const auto& records) {
        return records.size() == clients &&
               std::all_of(records.begin(), records.end(),
                           [](const auto& one) { return one.queries.size() > 20; });
    }));
    proxy.retire_all(whenever_idle);
    for (auto& thread : threads) {
        thread.join();
    }
    ASSERT_TRUE(node.wait_for_finished(clients));
    for (const auto& seen : node.all()) {
        const auto number = std::stoul(seen.startup.at("user").substr(3));
        EXPECT_EQ(seen.queries.size(), answered.at(number));
    }
}

/// Its node was still looked for when the order came: it is not forgotten.
TEST_P(retirement_of, a_session_that_is_being_established_ends_once_it_is_idle) {
    auto silent = cluster.node();
    silent.plays = behaviour_named("hang-after-startup");
    fake_cockroach node(std::move(silent));
    test_proxy proxy(options_for(node));
    auto client = connect(proxy);
    client.send(startup_message(app));
    ASSERT_TRUE(node.wait_until([](const auto& records) {
        return !records.empty() && records.front().startup_version != 0;
    }));
    proxy.retire_all(whenever_idle);
    expect_untouched(client, proxy);
    node.send_to_waiting(login_replies(node_release::v22_1, make_backend_key(1)));
    EXPECT_EQ(types_up_to_ready(client), "RSSSSSSKZ");
    expect_retired(client, proxy);
}

/// The node waits for its password: it has answered, and there is no session yet.
TEST_P(retirement_of, a_login_comes_to_its_end) {
    auto options = cluster.node();
    options.password = "correct horse";
    fake_cockroach node(std::move(options));
    test_proxy proxy(options_for(node));
    auto client = connect(proxy);
    client.send(startup_message(app));
    EXPECT_EQ(client.read_message().type, 'R');
    ASSERT_TRUE(proxy.events().wait_for<core::events::session_established>());
    proxy.retire_all(whenever_idle);
    expect_untouched(client, proxy);
    client.send(password_message("correct horse"));
    EXPECT_EQ(types_up_to_ready(client), "RSSSSSSKZ");
    expect_retired(client, proxy);
}

/// It is more than all buffers on its way hold: the order comes in the middle of it.
TEST_P(retirement_of, a_large_result_arrives_whole) {
    fake_cockroach node(cluster.node());
    auto options = options_for(node);
    options.workers = 1;
    test_proxy proxy(std::move(options));
    auto idle = login(proxy);
    auto client = login(proxy);
    std::string large = "select '";
    for (int i = 0; large.size() < (32 << 20); ++i) { // no period that a buffer could hide in
        large += std::to_string(i) + ' ';
    }
    client.send(query_message(large));
    EXPECT_EQ(client.read_message().type, 'T');
    proxy.retire_all(whenever_idle);
    expect_retired(idle, proxy); // the worker has heard it
    const auto row = client.read_message();
    EXPECT_EQ(row.type, 'D');
    EXPECT_EQ(sha256_hex(parse_data_row(row.body).at(0).value_or("")), sha256_hex(large));
    EXPECT_EQ(types_up_to_ready(client), "CZ");
    expect_told(client, whenever_idle.detail);
}

/// Its octets are in the proxy's socket, unread, or on their way to the node: the order may find
/// each client at either, and none idle.
TEST_P(retirement_of, a_query_that_was_sent_before_is_answered) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    std::vector<loopback_client> clients;
    for (int i = 0; i < 200; ++i) {
        clients.push_back(login(proxy));
    }
    for (auto& client : clients) {
        client.send(query_message("select 1"));
    }
    proxy.retire_all(whenever_idle);
    for (auto& client : clients) {
        ASSERT_EQ(types_up_to_ready(client), "TDCZ");
        expect_told(client, whenever_idle.detail);
    }
}

// ---- deadlines --------------------------------------------------------------------------------

TEST_P(retirement_of, what_never_becomes_idle_is_cut_at_the_deadline) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    run_statement(client, node);
    proxy.retire_all(soon());
    expect_told(client, whenever_idle.detail + "; a statement or transaction was still under way",
                "roachpin ended this connection");
    const auto ended = proxy.events().wait_for<session_ended>();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->reason, "cut");
    EXPECT_EQ(ended->detail, whenever_idle.detail);
    EXPECT_FALSE(ended->routine);
    client.close();
    EXPECT_TRUE(node.wait_for_finished(1));
    proxy.wait_for_connections(0);
}

TEST_P(retirement_of, an_open_transaction_is_cut_at_the_deadline) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    EXPECT_TRUE(client.query("BEGIN").empty());
    proxy.retire_all(soon());
    EXPECT_EQ(client.read_error().code, "57P01");
    expect_properly_closed(client);
    EXPECT_EQ(proxy.events().wait_for<session_ended>()->reason, "cut");
}

TEST_P(retirement_of, nothing_is_said_in_the_middle_of_a_message) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    const auto row = encode_message('D', std::string(100, 'x')).substr(0, 50);
    node.send_to_sessions(row);
    EXPECT_EQ(client.read_exactly(row.size()), row);
    proxy.retire_all(soon());
    EXPECT_TRUE(client.wait_for_end());
    EXPECT_EQ(proxy.events().wait_for<session_ended>()->reason, "cut");
}

TEST_P(retirement_of, a_deadline_does_not_hurry_what_ends_before_it) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    auto order = whenever_idle;
    order.latest = core::clock::now() + 60s;
    run_statement(client, node);
    proxy.retire_all(order);
    expect_untouched(client, proxy);
    node.resume();
    EXPECT_EQ(types_up_to_ready(client), "TDCZ");
    expect_retired(client, proxy);
}

TEST_P(retirement_of, a_second_order_can_only_bring_the_deadline_forward) {
    fake_cockroach node(cluster.node());
    test_proxy proxy(options_for(node));
    auto client = login(proxy);
    run_statement(client, node);
    proxy.retire_all(whenever_idle);
    proxy.retire_all(soon("Another reason"));
    proxy.retire_all(whenever_idle);
    expect_told(client, whenever_idle.detail + "; a statement", "roachpin ended this connection");
    EXPECT_EQ(proxy.events().wait_for<session_ended>()->reason, "cut");
}

// ---- lifetime.max -----------------------------------------------------------------------------

constexpr auto lifetime_detail = "The connection is older than lifetime.max";

TEST_P(retirement_of, an_idle_session_ends_with_its_lifetime) {
    fake_cockroach node(cluster.node());
    auto options = options_for(node);
    options.lifetime = {300ms, 0.1};
    test_proxy proxy(std::move(options));
    auto client = login(proxy);
    expect_retired(client, proxy, lifetime_detail);
    EXPECT_TRUE(node.wait_for_finished(1));
    EXPECT_EQ(login(proxy).query("select 1").front(), "select 1"); // a new one lives
}

/// Clients that came together shall not all come again together; none is sent away before its time.
TEST_P(retirement_of, lifetimes_differ_within_their_bounds) {
    fake_cockroach node(cluster.node());
    auto options = options_for(node);
    options.lifetime = {800ms, 0.5};
    test_proxy proxy(std::move(options));
    std::vector<loopback_client> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(login(proxy));
    }
    ASSERT_TRUE(proxy.events().wait_for<session_ended>(clients.size()));
    std::vector<core::duration> lives;
    for (const auto& one : proxy.events().all<session_ended>()) {
        EXPECT_EQ(one.reason, "retired");
        lives.push_back(one.took);
    }
    const auto [shortest, longest] = std::minmax_element(lives.begin(), lives.end());
    EXPECT_GE(*shortest, 400ms);
    EXPECT_GE(*longest, *shortest + 50ms); // 20 of them within an eighth: not by chance
}

/// No more than that: there is no deadline.
TEST_P(retirement_of, a_transaction_outlives_its_session_s_lifetime) {
    fake_cockroach node(cluster.node());
    auto options = options_for(node);
    options.lifetime = {1s, 0};
    test_proxy proxy(std::move(options));
    auto client = login(proxy);
    EXPECT_TRUE(client.query("BEGIN").empty());
    EXPECT_TRUE(client.stays_silent_for(1500ms));
    EXPECT_EQ(client.query("select 1").front(), "select 1");
    expect_untouched(client, proxy);
    EXPECT_TRUE(client.query("COMMIT").empty());
    expect_retired(client, proxy, lifetime_detail);
}

// ---- passthrough ------------------------------------------------------------------------------

/// Whether it is idle is between the client and the node: only a deadline ends it, and nothing can
/// be said inside their TLS.
TEST(retirement_of_passthrough, comes_at_the_deadline_alone) {
    const good_cluster cluster;
    fake_cockroach node(cluster.node());
    auto options = cluster.proxy_for(node);
    options.mode = net::listener_mode::passthrough;
    options.proof_lasts = 60s;
    test_proxy proxy(std::move(options));
    proxy.prove_all();
    auto client = proxy.connect();
    EXPECT_EQ(client.request_tls(), 'S');
    client.start_tls({.ca_pem = cluster.ca.certificate_pem(), .verify_name = node_name});
    client.login(app);
    proxy.retire_all(whenever_idle);
    EXPECT_TRUE(client.stays_silent_for(a_while));
    EXPECT_EQ(client.query("select 1").front(), "select 1");
    proxy.retire_all(soon());
    EXPECT_TRUE(client.wait_for_end());
    const auto ended = proxy.events().wait_for<session_ended>();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->reason, "cut");
    EXPECT_EQ(ended->detail, whenever_idle.detail);
    EXPECT_TRUE(node.wait_for_finished(1));
}

} // namespace
} // namespace roachpin::test
