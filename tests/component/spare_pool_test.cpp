#include "component/good_node.hpp"
#include "component/tls_roots.hpp"
#include "net/spare_pool.hpp"
#include "net/write_all.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <set>
#include <thread>

/// Connections that stand ready: what is taken is verified, alive and not too old, and costs no
/// handshake.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using close_kind = fake_cockroach::close_kind;
using roots_ptr = std::shared_ptr<const tls::upstream_context>;

constexpr auto patience = 20s;

net::awaitable<bool> read_ready_for_query(net::byte_stream& node) {
    std::string received;
    std::array<std::uint8_t, 1024> octets{};
    while (true) {
        const auto got = node.read_some(octets);
        if (net::is_blocked(got.status)) {
            const auto [failed] = co_await node.wait(got.status);
            if (failed) {
                co_return false;
            }
            continue;
        }
        if (got.status != net::io_status::ok) {
            co_return false;
        }
        received += core::as_text(core::bytes_view(octets).first(got.size));
        while (const auto message = take_message(received)) {
            if (message->type == 'Z') {
                co_return true;
            }
        }
    }
}

net::awaitable<void> log_in(net::upstream_stream& node, std::string user, bool& done) {
    const auto packet = startup_message({{"user", std::move(user)}, {"database", "bank"}});
    done = co_await net::write_all(node.bytes(), core::as_bytes(packet));
    if (done) {
        done = co_await read_ready_for_query(node.bytes());
    }
}

/// On the event loop that it was taken to.
bool log_in(net::upstream_stream& node, net::asio::io_context& loop, const std::string& user) {
    bool done = false;
    net::asio::co_spawn(loop, log_in(node, user, done),
                        [](const std::exception_ptr& thrown) { EXPECT_EQ(thrown, nullptr); });
    loop.restart();
    loop.run();
    return done;
}

policy::candidate place_of(const fake_cockroach& node) {
    const auto target = std::make_shared<const policy::node>(node_at(node.port()));
    return {target, target->endpoints.front()};
}

net::spare_options keeping(std::size_t per_place, core::duration max_age = 60s) {
    net::spare_options options;
    options.per_place = per_place;
    options.max_age = max_age;
    options.dial = 10s;
    return options;
}

/// The test's thread is the control thread: nothing happens there unless it is told to run.
class spare_pool : public testing::Test {
protected:
    spare_pool() {
        std::signal(SIGPIPE, SIG_IGN);
        tasks.spawn(pool.run());
    }

    ~spare_pool() override { stop(); }

    void stop() {
        tasks.cancel();
        run_until([&] { return tasks.size() == 0; });
    }

    template <class Condition>
    void run_until(Condition met) {
        const auto give_up = core::clock::now() + patience;
        while (!met()) {
            ASSERT_LT(core::clock::now(), give_up) << "waited in vain";
            control.run_one_for(10ms);
        }
    }

    void fill(std::size_t count) {
        run_until([&] { return pool.kept() == count; });
    }

    /// In TLS 1.3 the node's side of a handshake ends last.
    static void wait_for_handshakes(const fake_cockroach& node) {
        ASSERT_TRUE(node.wait_until([](const auto& all) {
            return std::all_of(all.begin(), all.end(),
                               [](const auto& one) { return one.tls_completed; });
        }));
    }

    std::optional<net::upstream_stream> take(const policy::candidate& at, const roots_ptr& with) {
        return pool.take(at, *with, worker.get_executor());
    }

    good_cluster cluster;
    roots_ptr roots = trusting(cluster.ca.certificate_pem());
    net::asio::io_context worker{1};
    net::asio::io_context control{1};
    std::vector<policy::candidate> troubled;
    net::spare_pool pool{control.get_executor(), [this](const auto& place) {
                             troubled.push_back(place);
                         }};
    net::task_group tasks{control.get_executor()};
};

TEST_F(spare_pool, what_is_ready_is_used_without_another_handshake) {
    const fake_cockroach node(cluster.node());
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(2));
    fill(2);
    EXPECT_EQ(node.connections(), 2U);
    wait_for_handshakes(node);
    for (const auto& one : node.all()) {
        EXPECT_EQ(one.plaintext_count, 0U);
    }
    auto taken = take(at, roots);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(taken->bytes().encrypted());
    ASSERT_TRUE(taken->bytes().where() == worker.get_executor());
    EXPECT_TRUE(log_in(*taken, worker, "app"));
    EXPECT_EQ(node.connections(), 2U);
    EXPECT_EQ(pool.kept(), 1U);
    fill(2);
    EXPECT_EQ(node.connections(), 3U);
    EXPECT_TRUE(troubled.empty());
}

TEST_F(spare_pool, the_oldest_is_taken_first) {
    const fake_cockroach node(cluster.node());
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(3));
    fill(3);
    std::vector<net::upstream_stream> all;
    for (const auto* user : {"1", "2", "3"}) {
        auto taken = take(at, roots);
        ASSERT_TRUE(taken);
        EXPECT_TRUE(log_in(*taken, worker, user));
        all.push_back(std::move(*taken));
    }
    EXPECT_FALSE(take(at, roots));
    for (const auto& one : node.all()) {
        EXPECT_EQ(one.startup.at("user"), std::to_string(one.id));
    }
}

TEST_F(spare_pool, each_place_has_its_own) {
    const fake_cockroach one(cluster.node());
    const fake_cockroach other(cluster.node());
    const auto first = place_of(one);
    const auto second = place_of(other);
    pool.keep({first, second}, roots, keeping(1));
    fill(2);
    auto taken = take(second, roots);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(log_in(*taken, worker, "app"));
    EXPECT_EQ(other.record(1).startup.at("user"), "app");
    EXPECT_FALSE(take(second, roots));
    EXPECT_TRUE(take(first, roots));
}

/// How a node gets rid of those who wait.
using ending = void (*)(fake_cockroach&);

class a_node_ends_them : public spare_pool, public testing::WithParamInterface<ending> {};

TEST_P(a_node_ends_them, and_they_are_thrown_away_and_replaced) {
    fake_cockroach node(cluster.node());
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(2));
    fill(2);
    wait_for_handshakes(node);
    GetParam()(node);
    fill(0);
    EXPECT_FALSE(take(at, roots));
    fill(2); // after a pause
    auto taken = take(at, roots);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(log_in(*taken, worker, "app"));
}

INSTANTIATE_TEST_SUITE_P(
    spare_pool, a_node_ends_them,
    testing::Values([](fake_cockroach& node) { node.close_all(close_kind::clean); },
                    [](fake_cockroach& node) { node.close_all(close_kind::abrupt); },
                    [](fake_cockroach& node) { node.close_all(close_kind::reset); },
                    [](fake_cockroach& node) {
                        node.send_to_waiting(
                            encode_error({"FATAL", "57P01", "server is shutting down", {}, {}}));
                    }));

TEST_F(spare_pool, whoever_takes_passes_over_the_dead) {
    fake_cockroach node(cluster.node());
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(3));
    fill(3);
    node.close(1, close_kind::clean);
    node.close(2, close_kind::reset);
    ASSERT_TRUE(node.wait_for_finished(2));
    EXPECT_EQ(pool.kept(), 3U); // nobody has looked yet
    auto taken = take(at, roots);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(log_in(*taken, worker, "app"));
    EXPECT_EQ(node.record(3).startup.at("user"), "app");
    EXPECT_EQ(pool.kept(), 0U);
}

TEST_F(spare_pool, a_node_that_ends_all_at_once_is_not_dialled_without_pause) {
    auto options = cluster.node();
    options.plays.fault = session_fault{session_step::handshake, fault_kind::close};
    const fake_cockroach node(options);
    pool.keep({place_of(node)}, roots, keeping(1));
    control.run_for(300ms);
    EXPECT_GE(node.connections(), 1U);
    EXPECT_LE(node.connections(), 3U); // some hundreds, without
}

TEST_F(spare_pool, they_are_renewed_before_they_are_too_old) {
    const fake_cockroach node(cluster.node());
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(1, 2s));
    fill(1);
    run_until([&] { return pool.kept() == 2; });
    EXPECT_EQ(node.open_connections(), 2U); // its successor stands before it goes
    fill(1);
    ASSERT_TRUE(node.wait_for_finished(1));
    EXPECT_EQ(node.record(1).end, connection_end::close_notify);
    auto taken = take(at, roots);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(log_in(*taken, worker, "app"));
    EXPECT_EQ(node.record(1).plaintext_count, 0U);
}

TEST_F(spare_pool, one_that_is_too_old_is_not_given) {
    const fake_cockroach node(cluster.node());
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(1, 200ms));
    fill(1);
    std::this_thread::sleep_for(200ms); // the control thread is held up
    EXPECT_EQ(pool.kept(), 1U);
    EXPECT_FALSE(take(at, roots));
}

TEST_F(spare_pool, those_proved_with_another_context_are_closed) {
    const fake_cockroach node(cluster.node());
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(2));
    fill(2);
    const auto others = trusting(cluster.ca.certificate_pem());
    EXPECT_FALSE(take(at, others));
    pool.keep({at}, others, keeping(2));
    EXPECT_EQ(pool.kept(), 0U);
    EXPECT_FALSE(take(at, roots));
    EXPECT_TRUE(node.wait_for_finished(2));
    fill(2);
    EXPECT_FALSE(take(at, roots));
    EXPECT_TRUE(take(at, others));
}

TEST_F(spare_pool, those_proved_as_another_target_are_closed) {
    const fake_cockroach node(cluster.node());
    const auto at = place_of(node);
    const auto equal = place_of(node);
    pool.keep({at}, roots, keeping(2));
    fill(2);
    EXPECT_FALSE(take(equal, roots));
    pool.keep({equal}, roots, keeping(2));
    EXPECT_EQ(pool.kept(), 0U);
    EXPECT_TRUE(node.wait_for_finished(2));
    fill(2);
    EXPECT_FALSE(take(at, roots));
    EXPECT_TRUE(take(equal, roots));
}

TEST_F(spare_pool, those_that_are_wanted_still_stay) {
    const fake_cockroach node(cluster.node());
    const fake_cockroach leaving(cluster.node());
    const auto at = place_of(node);
    pool.keep({place_of(leaving), at}, roots, keeping(2));
    fill(4);
    pool.keep({at}, roots, keeping(1));
    EXPECT_EQ(pool.kept(), 1U);
    EXPECT_TRUE(leaving.wait_for_finished(2));
    EXPECT_TRUE(node.wait_for_finished(1));
    EXPECT_EQ(node.connections(), 2U);
    EXPECT_FALSE(node.record(2).finished());
    EXPECT_TRUE(take(at, roots));
}

TEST_F(spare_pool, what_comes_of_a_dial_that_is_no_longer_wanted_is_closed) {
    const fake_cockroach node(cluster.node());
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(1));
    run_until([&] { return node.connections() == 1; });
    ASSERT_EQ(pool.kept(), 0U);
    const auto others = trusting(cluster.ca.certificate_pem());
    pool.keep({at}, others, keeping(1));
    run_until([&] { return node.all().front().finished() && pool.kept() == 1; });
    EXPECT_EQ(node.record(1).end, connection_end::close_notify);
    auto taken = take(at, others);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(log_in(*taken, worker, "app"));
    EXPECT_EQ(node.record(2).startup.at("user"), "app");
}

TEST_F(spare_pool, there_is_one_dial_at_a_time) {
    auto options = cluster.node();
    options.plays.fault = session_fault{session_step::ssl_request, fault_kind::hang};
    const fake_cockroach node(options);
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(2));
    run_until([&] { return node.connections() == 1; });
    pool.keep({at}, roots, keeping(3));
    control.run_for(100ms);
    EXPECT_EQ(node.connections(), 1U);
}

TEST_F(spare_pool, with_zero_none_is_dialled) {
    const fake_cockroach node(cluster.node());
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(0));
    control.run_for(100ms);
    EXPECT_EQ(node.connections(), 0U);
    EXPECT_FALSE(take(at, roots));

    pool.keep({at}, roots, keeping(1));
    fill(1);
    pool.keep({at}, roots, keeping(0));
    EXPECT_EQ(pool.kept(), 0U);
    EXPECT_TRUE(node.wait_for_finished(1));
}

TEST_F(spare_pool, session_tickets_do_not_end_them) {
    auto options = cluster.node();
    options.session_tickets = 2;
    const fake_cockroach node(options);
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(2));
    fill(2);
    control.run_for(100ms); // the tickets come
    EXPECT_EQ(node.connections(), 2U);
    auto taken = take(at, roots);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(log_in(*taken, worker, "app"));
    EXPECT_EQ(node.record(1).startup.at("user"), "app");
}

TEST_F(spare_pool, trouble_is_told_and_a_changed_list_starts_over) {
    fake_cockroach gone(cluster.node());
    const fake_cockroach node(cluster.node());
    gone.stop_listening();
    const auto bad = place_of(gone);
    pool.keep({bad}, roots, keeping(1));
    run_until([&] { return !troubled.empty(); });
    EXPECT_EQ(troubled.front().target, bad.target);
    pool.keep({bad, place_of(node)}, roots, keeping(1));
    fill(1); // which takes longer than to be refused
    EXPECT_EQ(troubled.size(), 2U);
}

TEST_F(spare_pool, a_place_that_comes_back_is_dialled_again) {
    fake_cockroach node(cluster.node());
    node.stop_listening();
    pool.keep({place_of(node)}, roots, keeping(1));
    run_until([&] { return !troubled.empty(); });
    node.start_listening();
    fill(1);
}

TEST_F(spare_pool, all_are_closed_in_the_end_and_dials_are_given_up) {
    const fake_cockroach node(cluster.node());
    auto options = cluster.node();
    options.plays.fault = session_fault{session_step::ssl_request, fault_kind::hang};
    const fake_cockroach silent(options);
    const auto at = place_of(node);
    pool.keep({at, place_of(silent)}, roots, keeping(2));
    run_until([&] { return pool.kept() == 2 && silent.connections() == 1; });
    stop();
    EXPECT_EQ(pool.kept(), 0U);
    EXPECT_FALSE(take(at, roots));
    ASSERT_TRUE(node.wait_for_finished(2));
    for (const auto& one : node.all()) {
        EXPECT_EQ(one.end, connection_end::close_notify);
    }
    EXPECT_TRUE(silent.wait_for_finished(1));
}

/// Many take while the control thread dials, hears of tickets and changes what is kept: each
/// connection is had once, and serves on its taker's own event loop. For ThreadSanitizer, too.
TEST_F(spare_pool, several_threads_take_at_the_same_time) {
    auto options = cluster.node();
    options.session_tickets = 2;
    const fake_cockroach node(options);
    const auto at = place_of(node);
    pool.keep({at}, roots, keeping(4));
    constexpr std::size_t takers = 4;
    constexpr std::size_t each = 8;
    std::atomic<std::size_t> served = 0;
    std::atomic<bool> give_up = false;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < takers; ++i) {
        threads.emplace_back([&, i] {
            net::asio::io_context loop{1};
            for (std::size_t mine = 0; mine < each && !give_up;) {
                auto taken = pool.take(at, *roots, loop.get_executor());
                if (!taken) {
                    std::this_thread::yield();
                    continue;
                }
                const auto user = std::to_string(i) + "-" + std::to_string(mine++);
                EXPECT_TRUE(log_in(*taken, loop, user));
                ++served;
            }
        });
    }
    std::size_t turn = 0;
    run_until([&] {
        pool.keep({at}, roots, keeping(2 + ++turn % 3));
        return served == takers * each;
    });
    give_up = true;
    for (auto& one : threads) {
        one.join();
    }
    std::set<std::string> users;
    for (const auto& one : node.all()) {
        if (one.startup_version != 0) {
            EXPECT_TRUE(users.insert(one.startup.at("user")).second);
            EXPECT_TRUE(one.logged_in);
        }
    }
    EXPECT_EQ(users.size(), takers * each);
}

} // namespace
} // namespace roachpin::test
