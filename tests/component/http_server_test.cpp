#include "net/listening_socket.hpp"
#include "net/task_group.hpp"
#include "support/loopback_client.hpp"
#include "telemetry/http_server.hpp"

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <variant>
#include <vector>

namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using telemetry::http_answer;
using telemetry::http_request;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// On TCP, as the admin server is; what it is on a unix socket, control_server_test.cpp shows.
class http_server : public testing::Test {
protected:
    http_server() {
        auto echo = [](const http_request& asked) {
            std::string body(asked.method);
            body.append(" ").append(asked.target).append(" ").append(asked.host);
            if (asked.target == "/large") {
                body.assign(8 << 20, 'x');
            }
            http_answer made{.body = std::move(body)};
            made.headers.emplace_back("X-Test", "yes");
            return made;
        };
        tasks.spawn(telemetry::serve_http(socket.fd(), std::move(echo), {.most_connections = 16}));
        thread = std::thread([this] { context.run(); });
    }

    ~http_server() override {
        net::asio::post(context, [this] { tasks.cancel(); });
        thread.join();
    }

    loopback_client connect() const {
        return loopback_client::connect_tcp("127.0.0.1",
                                            std::get<core::endpoint>(socket.bound()).port);
    }

    std::string ask(const std::string& request) const {
        auto client = connect();
        client.send(request);
        return client.read_until_end();
    }

    net::listening_socket socket =
        net::listening_socket::open(core::parse_bind_address("127.0.0.1:0").value(), {}).value();
    net::asio::io_context context{1};
    net::task_group tasks{context.get_executor()};
    std::thread thread;
};

TEST_F(http_server, hands_over_what_was_asked_for) {
    EXPECT_THAT(ask("GET /a?b=c HTTP/1.1\r\nHost: localhost:1\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\nX-Test: yes\r\n"),
                      HasSubstr("\r\nConnection: close\r\n"),
                      EndsWith("\r\n\r\nGET /a?b=c localhost:1")));
    EXPECT_THAT(ask("BREW / HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nBREW / "));
}

/// Octets that nobody reads would reset the connection, and take the answer with them.
TEST_F(http_server, what_is_pipelined_behind_a_request_spoils_no_answer) {
    const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (int i = 0; i < 20; ++i) {
        std::string many;
        for (int n = 0; n < 2000; ++n) {
            many += request;
        }
        EXPECT_THAT(ask(many), EndsWith("\r\n\r\nGET / a"));
    }
}

TEST_F(http_server, refuses_headers_without_end) {
    auto client = connect();
    client.send("GET / HTTP/1.1\r\nX: " + std::string(9000, 'x'));
    EXPECT_THAT(client.read_until_end(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(http_server, refuses_what_is_no_request) {
    for (const std::string octets :
         {"\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
          "GET / HTTP/1.1\r\nnonsense\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
          "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"}) {
        EXPECT_THAT(ask(octets), StartsWith("HTTP/1.1 400 ")) << octets;
    }
}

TEST_F(http_server, a_client_that_takes_nothing_keeps_nobody_waiting) {
    std::vector<loopback_client> stuck;
    for (int i = 0; i < 8; ++i) {
        stuck.push_back(connect());
        stuck.back().send("GET /large HTTP/1.1\r\n\r\n");
    }
    EXPECT_THAT(ask("GET /small HTTP/1.1\r\n\r\n"), EndsWith("GET /small "));
}

TEST_F(http_server, beyond_its_bound_connections_are_closed_unheard) {
    std::vector<loopback_client> most;
    for (int i = 0; i < 16; ++i) {
        most.push_back(connect());
    }
    EXPECT_TRUE(connect().wait_for_end());
    most.back().send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_THAT(most.back().read_until_end(), StartsWith("HTTP/1.1 200 "));
}

} // namespace
} // namespace roachpin::test
