#include "net/listening_socket.hpp"
#include "net/task_group.hpp"
#include "support/loopback_client.hpp"
#include "support/temp_dir.hpp"
#include "telemetry/control_server.hpp"

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using telemetry::http_answer;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class control_server : public testing::Test {
protected:
    control_server() {
        tasks.spawn(telemetry::serve_control(socket.fd(),
                                             {{"/reload",
                                               [this] {
                                                   ++reloads;
                                                   return http_answer{200, "reloaded\n"};
                                               }},
                                              {"/drain",
                                               [] {
                                                   return http_answer{409, "draining already\n"};
                                               }},
                                              {"/quitquitquit",
                                               [this] {
                                                   tasks.cancel();
                                                   return http_answer{202, "good bye\n"};
                                               }},
                                              {"/broken", []() -> http_answer {
                                                   throw std::runtime_error("out of luck");
                                               }}}));
        thread = std::thread([this] { context.run(); });
    }

    ~control_server() override { stop(); }

    void stop() {
        net::asio::post(context, [this] { tasks.cancel(); });
        wait_for_end();
    }

    void wait_for_end() {
        if (thread.joinable()) {
            thread.join();
        }
    }

    loopback_client connect() const { return loopback_client::connect_unix(path); }

    std::string ask(const std::string& request) const {
        auto client = connect();
        client.send(request);
        return client.read_until_end();
    }

    std::string post(const std::string& target) const {
        return ask("POST " + target + " HTTP/1.1\r\nHost: roachpin\r\n\r\n");
    }

    temp_dir folder;
    std::string path = (folder.path() / "control.sock").string();
    net::listening_socket socket = net::listening_socket::open(core::unix_path{path}, 0600).value();
    std::atomic<int> reloads = 0;
    net::asio::io_context context{1};
    net::task_group tasks{context.get_executor()};
    std::thread thread;
};

TEST_F(control_server, does_what_was_posted_and_closes) {
    const auto answer = post("/reload");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nreloaded\n"));
    EXPECT_EQ(reloads, 1);
    EXPECT_THAT(post("/drain"),
                AllOf(StartsWith("HTTP/1.1 409 "), EndsWith("\r\n\r\ndraining already\n")));
}

TEST_F(control_server, reads_a_body_and_makes_nothing_of_it) {
    const auto request = "POST /reload HTTP/1.1\r\nContent-Length: 65536\r\n\r\n";
    EXPECT_THAT(ask(request + std::string(65536, 'x')), StartsWith("HTTP/1.1 200 "));
    EXPECT_EQ(reloads, 1);
}

TEST_F(control_server, one_request_a_connection) {
    const std::string request = "POST /reload HTTP/1.1\r\n\r\n";
    auto client = connect();
    client.send(request + request);
    EXPECT_THAT(client.read_some(), StartsWith("HTTP/1.1 200 "));
    ASSERT_TRUE(client.wait_for_end());
    EXPECT_EQ(reloads, 1);
}

TEST_F(control_server, refuses_what_is_no_post_to_a_known_path) {
    EXPECT_THAT(post("/"), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(post("/reload/"), EndsWith("/broken /drain /quitquitquit /reload\n"));
    EXPECT_THAT(post("/reload?now"), StartsWith("HTTP/1.1 404 "));
    for (const std::string method : {"GET", "HEAD", "PUT", "DELETE", "BREW"}) {
        EXPECT_THAT(ask(method + " /reload HTTP/1.1\r\n\r\n"),
                    AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: POST\r\n")));
    }
    EXPECT_EQ(reloads, 0);
}

TEST_F(control_server, refuses_what_is_no_http) {
    EXPECT_THAT(ask("reload\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
    auto long_winded = connect();
    long_winded.send("POST /reload HTTP/1.1\r\nX: " + std::string(16'000, 'x'));
    EXPECT_THAT(long_winded.read_some(), StartsWith("HTTP/1.1 431 "));
    auto silent = connect();
    silent.half_close();
    EXPECT_EQ(silent.read_until_end(), "");
    EXPECT_EQ(reloads, 0);
}

TEST_F(control_server, refuses_a_body_beyond_64_kib) {
    for (const std::string length : {"65537", "18446744073709551615"}) {
        EXPECT_THAT(ask("POST /reload HTTP/1.1\r\nContent-Length: " + length + "\r\n\r\n"),
                    StartsWith("HTTP/1.1 413 "));
    }
    auto chunks = connect();
    chunks.send("POST /reload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                "10001\r\n" +
                std::string(65'537, 'x'));
    EXPECT_THAT(chunks.read_some(), StartsWith("HTTP/1.1 413 "));
    EXPECT_EQ(reloads, 0);
}

TEST_F(control_server, a_slow_sender_cannot_renew_its_time) {
    auto client = connect();
    client.send("POST /reload HTTP/1.1\r\n");
    for (int i = 0; i < 100 && client.stays_silent_for(200ms); ++i) {
        client.send("X: y\r\n");
    }
    EXPECT_THAT(client.read_some(), StartsWith("HTTP/1.1 408 "));
    EXPECT_EQ(reloads, 0);
}

TEST_F(control_server, more_than_eight_at_once_are_closed) {
    std::vector<loopback_client> eight;
    for (int i = 0; i < 8; ++i) {
        eight.push_back(connect());
    }
    EXPECT_TRUE(connect().wait_for_end());
    eight.back().send("POST /reload HTTP/1.1\r\n\r\n");
    EXPECT_THAT(eight.back().read_until_end(), StartsWith("HTTP/1.1 200 "));
    eight.pop_back();
    auto served = connect(); // its end may be heard of a little before its place is free
    while (!served.stays_silent_for(20ms)) {
        served = connect();
    }
    served.send("POST /reload HTTP/1.1\r\n\r\n");
    EXPECT_THAT(served.read_until_end(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(control_server, a_handler_that_fails_ends_nothing) {
    EXPECT_THAT(post("/broken"),
                AllOf(StartsWith("HTTP/1.1 500 "), EndsWith("\r\n\r\nout of luck\n")));
    EXPECT_THAT(post("/reload"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(control_server, what_ends_the_server_is_answered) {
    EXPECT_THAT(post("/quitquitquit"),
                AllOf(StartsWith("HTTP/1.1 202 "), EndsWith("\r\n\r\ngood bye\n")));
    wait_for_end(); // nothing is left to run
}

TEST_F(control_server, ends_its_connections_when_it_is_cancelled) {
    auto client = connect();
    client.send("POST /reload HTTP/1.1\r\n");
    post("/reload"); // the other one is being served by now
    stop();
    EXPECT_EQ(client.read_until_end(), "");
    EXPECT_GE(::fcntl(socket.fd(), F_GETFD), 0) << "the socket is not its own";
}

TEST_F(control_server, running_out_of_descriptors_is_waited_out) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the sanitizer asks whether memory can be read by a pipe of its own";
#endif
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = ::dup(0);
    ASSERT_GE(next, 0);
    ::close(next);
    // One more descriptor may be had: the client's own end. accept(2) then fails.
    rlimit low = before;
    low.rlim_cur = static_cast<rlim_t>(next) + 1;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    auto starved = connect();
    starved.send("POST /reload HTTP/1.1\r\n\r\n");
    const bool silent = starved.stays_silent_for(100ms);
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE(silent);
    EXPECT_THAT(starved.read_until_end(), StartsWith("HTTP/1.1 200 "));
}

/// What a process of this user gets for its request; nothing where it cannot even connect. In a
/// child of a process with threads: system calls only.
std::optional<std::size_t> octets_answered_to(uid_t user, const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, path.data(), path.size());
    constexpr std::string_view request = "POST /reload HTTP/1.1\r\n\r\n";
    const auto child = ::fork();
    if (child == 0) {
        const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
        if (::setresuid(user, user, user) != 0 ||
            ::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
            ::_exit(255);
        }
        std::array<char, 100> answer{};
        ::send(client, request.data(), request.size(), MSG_NOSIGNAL);
        const auto got = ::recv(client, answer.data(), answer.size(), 0);
        ::_exit(got < 0 ? 0 : static_cast<int>(got));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 255) {
        return std::nullopt;
    }
    return WEXITSTATUS(status);
}

TEST_F(control_server, strangers_are_closed_unheard_whatever_the_mode) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can be somebody else";
    }
    constexpr uid_t stranger = 65'534;
    EXPECT_EQ(octets_answered_to(0, path), 100U);
    ASSERT_EQ(::chmod(folder.path().c_str(), 0711), 0);
    EXPECT_EQ(octets_answered_to(stranger, path), std::nullopt) << "mode 0600";
    ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
    EXPECT_EQ(octets_answered_to(stranger, path), 0U);
    EXPECT_EQ(reloads, 1);
}

} // namespace
} // namespace roachpin::test
