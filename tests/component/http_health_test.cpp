#include "component/tls_roots.hpp"
#include "net/http_health.hpp"
#include "support/fake_health_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

/// A node is taken for ready when it says so itself, inside its own verified TLS; that it could not
/// be asked is told apart from its own no.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto path = "/health?ready=1";

net::awaitable<void> ask(policy::candidate to, const tls::upstream_context& context,
                         core::duration patience, std::optional<net::health_refusal>& into) {
    into = co_await net::ask_health(std::move(to), context, path, core::clock::now() + patience);
}

class http_health : public testing::Test {
protected:
    http_health() { std::signal(SIGPIPE, SIG_IGN); }

    fake_health_options answering(std::string answer) const {
        fake_health_options options{
            .server = ca.issue({.dns_sans = {"crdb-0.db"}, .ip_sans = {"127.0.0.1", "fd00::1"}})};
        options.answer = std::move(answer);
        return options;
    }

    std::optional<net::health_refusal> ask_port(std::uint16_t port, core::duration patience = 10s,
                                                const std::string& host = "crdb-0.db") const {
        const auto target = std::make_shared<const policy::node>(
            policy::node{core::host_name::parse(host).value()});
        std::optional<net::health_refusal> refused;
        net::asio::io_context context;
        net::asio::co_spawn(context,
                            ask({target, {core::ip_address::parse("127.0.0.1").value(), port}},
                                *roots, patience, refused),
                            [](const std::exception_ptr& thrown) { EXPECT_EQ(thrown, nullptr); });
        context.run();
        return refused;
    }

    /// The refusal by a node that answers so.
    net::health_refusal refusal(const fake_health_options& options,
                                core::duration patience = 10s) const {
        const fake_health_server node(options);
        return ask_port(node.port(), patience)
            .value_or(net::health_refusal{false, "taken for ready", ""});
    }

    /// The node has been asked and has said no.
    void expect_no(const std::string& answer, const std::string& detail) const {
        const auto no = refusal(answering(answer));
        EXPECT_TRUE(no.said);
        EXPECT_EQ(no.reason, "http_status");
        EXPECT_EQ(no.detail, detail);
    }

    /// The node could not be asked.
    void expect_not_asked(const fake_health_options& options, const std::string& reason,
                          const std::string& detail) const {
        const auto no = refusal(options);
        EXPECT_FALSE(no.said);
        EXPECT_EQ(no.reason, reason);
        EXPECT_THAT(no.detail, HasSubstr(detail));
    }

    certificate_authority ca{"Cockroach CA"};
    std::shared_ptr<const tls::upstream_context> roots = trusting(ca.certificate_pem());
};

TEST_F(http_health, two_hundred_is_ready) {
    const fake_health_server node(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    EXPECT_FALSE(ask_port(node.port()));
    EXPECT_EQ(node.request(),
              "GET /health?ready=1 HTTP/1.1\r\nHost: crdb-0.db:" + std::to_string(node.port()) +
                  "\r\nUser-Agent: roachpin\r\nConnection: close\r\n\r\n");
}

TEST_F(http_health, a_bodys_length_is_of_no_account) {
    const fake_health_server node(
        answering("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"));
    EXPECT_FALSE(ask_port(node.port()));
}

TEST_F(http_health, an_ipv6_host_is_named_in_brackets) {
    const fake_health_server node(answering("HTTP/1.1 200 OK\r\n\r\n"));
    EXPECT_FALSE(ask_port(node.port(), 10s, "fd00::1"));
    EXPECT_THAT(node.request(),
                HasSubstr("\r\nHost: [fd00::1]:" + std::to_string(node.port()) + "\r\n"));
}

TEST_F(http_health, any_other_status_is_the_nodes_own_no) {
    expect_no("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
              "the node answered 503 Service Unavailable");
    expect_no("HTTP/1.1 404 Not Found\r\n\r\n", "the node answered 404 Not Found");
    expect_no("HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/login\r\n\r\n",
              "the node answered 302 Found");
    expect_no("HTTP/1.1 204 \r\n\r\n", "the node answered 204 No Content");
    expect_no("HTTP/1.1 500 \xff\r\n\r\n", "the node answered 500 \\xff");
}

TEST_F(http_health, what_is_no_http_is_no_answer) {
    expect_not_asked(answering("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "malformed",
                     "\"SSH-2.0-OpenSSH_9.2\\x0d\\x0a");
    expect_not_asked(answering("HTTP/1.1 500 \x1b[2J\r\n\r\n"), "malformed", "\\x1b[2J");
    expect_not_asked(answering("HTTP/1.1 2000 OK\r\n\r\n"), "malformed", "");
    expect_not_asked(answering("HTTP/1.1 200 OK\r\n: nameless\r\n\r\n"), "malformed", "");
}

TEST_F(http_health, a_header_may_have_eight_kilobytes) {
    const auto header = [](std::size_t padding) {
        return "HTTP/1.1 200 OK\r\nX-Padding: " + std::string(padding, 'x') + "\r\n\r\n";
    };
    expect_not_asked(answering(header(8 * 1024)), "malformed", "header limit");
    const fake_health_server node(answering(header(7 * 1024)));
    EXPECT_FALSE(ask_port(node.port()));
}

TEST_F(http_health, half_an_answer_is_none) {
    expect_not_asked(answering("HTTP/1.1 200 OK\r\nContent-Le"), "closed", "before its answer");
}

TEST_F(http_health, who_is_slow_could_not_be_asked) {
    const auto no = refusal(answering(""), 300ms);
    EXPECT_FALSE(no.said);
    EXPECT_EQ(no.reason, "timeout");
    EXPECT_THAT(no.detail, HasSubstr("health.timeout"));
}

TEST_F(http_health, a_stranger_is_not_asked) {
    auto stranger = answering("HTTP/1.1 200 OK\r\n\r\n");
    stranger.server =
        certificate_authority("Other CA").issue({.dns_sans = {"crdb-0.db"}, .ip_sans = {}});
    const fake_health_server node(stranger);
    const auto no = ask_port(node.port());
    ASSERT_TRUE(no);
    EXPECT_FALSE(no->said);
    EXPECT_EQ(no->reason, "untrusted_chain");
    EXPECT_THAT(no->detail, HasSubstr("Other CA"));
    EXPECT_EQ(node.request(), "");
}

TEST_F(http_health, another_nodes_certificate_will_not_do) {
    auto other = answering("HTTP/1.1 200 OK\r\n\r\n");
    other.server = ca.issue({.dns_sans = {"crdb-1.db"}, .ip_sans = {}});
    expect_not_asked(other, "wrong_name", "crdb-0.db among the SANs");
}

TEST_F(http_health, plain_http_is_no_answer) {
    auto plain = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    plain.tls = false;
    expect_not_asked(plain, "not_tls", "tls: ");
}

TEST_F(http_health, nobody_there_is_no_answer) {
    std::uint16_t port = 0;
    {
        const fake_health_server gone(answering(""));
        port = gone.port();
    }
    const auto no = ask_port(port);
    ASSERT_TRUE(no);
    EXPECT_FALSE(no->said);
    EXPECT_EQ(no->reason, "refused");
}

} // namespace
} // namespace roachpin::test
