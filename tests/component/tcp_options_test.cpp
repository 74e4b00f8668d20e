#include "net/descriptor.hpp"
#include "net/tcp_options.hpp"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace roachpin::test {
namespace {

using namespace std::chrono_literals;

int option_of(const net::descriptor& socket, int option) {
    int value = -1;
    socklen_t size = sizeof(value);
    ::getsockopt(socket.number(), IPPROTO_TCP, option, &value, &size);
    return value;
}

net::descriptor socket_with(const net::keepalive_options& options) {
    net::descriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    net::set_tcp_options(made.number(), options);
    return made;
}

TEST(tcp_options, keepalive_is_as_configured) {
    const auto socket = socket_with({.idle = 40s, .interval = 7s, .count = 5});
    EXPECT_EQ(option_of(socket, TCP_KEEPIDLE), 40);
    EXPECT_EQ(option_of(socket, TCP_KEEPINTVL), 7);
    EXPECT_EQ(option_of(socket, TCP_KEEPCNT), 5);
    EXPECT_EQ(option_of(socket, TCP_NODELAY), 1);
}

TEST(tcp_options, no_idle_connection_ends_at_its_first_lost_probe) {
    const net::keepalive_options defaults;
    EXPECT_EQ(option_of(socket_with(defaults), TCP_USER_TIMEOUT), 60'000); // 30 s + 3 × 10 s
    EXPECT_EQ(option_of(socket_with({.user_timeout = 90s}), TCP_USER_TIMEOUT), 90'000);
}

TEST(tcp_options, zero_leaves_it_to_the_system) {
    EXPECT_EQ(option_of(socket_with({.user_timeout = 0s}), TCP_USER_TIMEOUT), 0);
}

} // namespace
} // namespace roachpin::test
