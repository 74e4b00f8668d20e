#include "component/good_node.hpp"
#include "component/test_relay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <type_traits>

/// How a client's own TLS gets to a node: its opening, and the dial that it leads to.
namespace roachpin::test {
namespace {

using net::client_wish;
using net::dial_failure;
using net::passthrough_stream;
using net::upstream_stream;
namespace opening = pgwire::opening;

// Nobody makes one, and none becomes what may be spliced to.
static_assert(!std::is_default_constructible_v<passthrough_stream>);
static_assert(!std::is_constructible_v<passthrough_stream, net::byte_stream>);
static_assert(!std::is_constructible_v<passthrough_stream, upstream_stream>);
static_assert(!std::is_constructible_v<upstream_stream, passthrough_stream>);
static_assert(!std::is_convertible_v<passthrough_stream, upstream_stream>);
static_assert(!std::is_convertible_v<passthrough_stream&, net::byte_stream&>);

// An address that nobody proved is not dialled.
static_assert(!std::is_invocable_v<decltype(&net::dial_passthrough), policy::candidate,
                                   net::keepalive_options, core::time_point>);

const parameter_map app{{"user", "app"}};

class passthrough_opening : public testing::Test {
protected:
    template <class Wish>
    static Wish next(test_relay& through) {
        return std::get<Wish>(std::get<client_wish>(through.next()));
    }

    descriptors_come_back check; // destroyed last
    good_cluster cluster;
    fake_cockroach node{cluster.node()};
    test_relay through{node.port()};
};

TEST_F(passthrough_opening, tls_after_gssenc_request) {
    auto client = through.connect();
    client.send(gssenc_request());
    EXPECT_EQ(client.read_exactly(1), "N");
    EXPECT_EQ(client.request_tls(), 'S');
    client.start_tls({.ca_pem = cluster.ca.certificate_pem(), .verify_name = node_name});
    client.login(app);
    EXPECT_EQ(client.query("select 1").front(), "select 1");
    EXPECT_EQ(node.record(1).before_tls, ssl_request());
}

TEST_F(passthrough_opening, a_startup_message_in_clear_is_for_the_caller_to_refuse) {
    auto client = through.connect();
    client.send(startup_message(app));
    EXPECT_EQ(next<opening::startup>(through).message.user, "app");
    EXPECT_EQ(node.connections(), 0U);
}

TEST_F(passthrough_opening, a_cancel_request_is_one_as_ever) {
    auto client = through.connect();
    client.send(cancel_request(42));
    EXPECT_EQ(core::as_text(next<opening::cancel>(through).packet), cancel_request(42));
    EXPECT_EQ(node.connections(), 0U);
}

TEST_F(passthrough_opening, direct_tls_is_refused_without_a_word) {
    auto client = through.connect();
    EXPECT_THROW(client.start_tls({.alpn = {"postgresql"}}), client_error);
    const auto refused = next<opening::refuse>(through);
    EXPECT_FALSE(refused.tell);
    EXPECT_THAT(refused.sentence, testing::HasSubstr("RPC port"));
    EXPECT_EQ(node.connections(), 0U);
}

TEST_F(passthrough_opening, octets_behind_the_request_are_refused) {
    auto client = through.connect();
    client.send(ssl_request() + startup_message(app));
    EXPECT_TRUE(next<opening::refuse>(through).tell);
    EXPECT_EQ(node.connections(), 0U);
}

/// One upstream, and why it is not reached.
struct unfit {
    std::string name;
    behaviour plays;
    std::string reason;
    bool hostile;
};

void PrintTo(const unfit& one, std::ostream* out) {
    *out << one.name;
}

class dial_passthrough : public testing::TestWithParam<unfit> {
protected:
    descriptors_come_back check; // destroyed last
    good_cluster cluster;
};

TEST_P(dial_passthrough, asks_for_tls_and_sends_nothing_else) {
    auto options = cluster.node();
    options.plays = GetParam().plays;
    fake_cockroach node(std::move(options));
    test_relay through(node.port());
    auto client = through.connect();
    client.send(ssl_request());
    EXPECT_EQ(client.read_until_end(), "");
    const auto failure = std::get<dial_failure>(through.next());
    EXPECT_EQ(failure.phase, net::dial_phase::sslrequest);
    EXPECT_EQ(failure.reason, GetParam().reason);
    EXPECT_EQ(failure.hostile, GetParam().hostile);
    ASSERT_TRUE(node.wait_for_finished(1));
    EXPECT_EQ(node.record(1).before_tls, ssl_request());
    EXPECT_FALSE(node.record(1).client_hello_seen);
}

constexpr behaviour answering(ssl_answer answer) {
    return {.answer = answer};
}

constexpr behaviour failing(fault_kind kind) {
    return {.fault = session_fault{session_step::ssl_request, kind}};
}

INSTANTIATE_TEST_SUITE_P(
    wire, dial_passthrough,
    testing::Values(
        unfit{"declines", answering(ssl_answer::refuse), "tls_declined", true},
        unfit{"answers_error", answering(ssl_answer::error_response), "error_answer", true},
        unfit{"stuffs_octets", answering(ssl_answer::accept_and_extra), "stuffed", true},
        unfit{"speaks_http", answering(ssl_answer::http_response), "not_postgres", true},
        unfit{"answers_garbage", answering(ssl_answer::garbage), "not_postgres", true},
        unfit{"hangs", failing(fault_kind::hang), "timeout", false},
        unfit{"resets", failing(fault_kind::reset), "reset", false},
        unfit{"closes", failing(fault_kind::close), "closed", false}),
    [](const auto& row) { return row.param.name; });

TEST(dial_passthrough_refused, a_closed_port_is_merely_down) {
    const good_cluster cluster;
    fake_cockroach node(cluster.node());
    node.stop_listening();
    test_relay through(node.port());
    auto client = through.connect();
    client.send(ssl_request());
    const auto failure = std::get<dial_failure>(through.next());
    EXPECT_EQ(failure.phase, net::dial_phase::tcp);
    EXPECT_EQ(failure.reason, "refused");
    EXPECT_FALSE(failure.hostile);
}

} // namespace
} // namespace roachpin::test
