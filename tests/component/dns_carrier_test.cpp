#include "dns/query.hpp"
#include "net/descriptor.hpp"
#include "net/dns_carrier.hpp"
#include "net/socket_address.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <functional>
#include <sys/socket.h>
#include <thread>

namespace roachpin::net {
namespace {

using namespace std::chrono_literals;

using datagrams = std::vector<core::bytes>;

const auto loopback = core::endpoint::parse("127.0.0.1:0").value();

/// On loopback, at a port of its own; gives up waiting after some seconds.
class datagram_socket {
public:
    datagram_socket() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        const auto any = to_socket_address(loopback);
        EXPECT_EQ(::bind(socket_.number(), any.data(), static_cast<socklen_t>(any.size())), 0);
        const timeval patience{10, 0};
        ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    }

    core::endpoint bound() const {
        socket_address address;
        auto size = static_cast<socklen_t>(address.capacity());
        ::getsockname(socket_.number(), address.data(), &size);
        address.resize(size);
        return to_endpoint(address);
    }

    /// Whom the query came from.
    socket_address take(core::bytes& octets) {
        octets.resize(65'535);
        socket_address from;
        auto size = static_cast<socklen_t>(from.capacity());
        const auto got =
            ::recvfrom(socket_.number(), octets.data(), octets.size(), 0, from.data(), &size);
        octets.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        from.resize(size);
        return from;
    }

    void give(const core::bytes& octets, const socket_address& to) {
        ::sendto(socket_.number(), octets.data(), octets.size(), 0, to.data(),
                 static_cast<socklen_t>(to.size()));
    }

private:
    descriptor socket_;
};

core::bytes query() {
    return dns::encode(
        dns::make_query({core::dns_name::parse("crdb-0.db").value(), {}}, 815, 0, false));
}

core::bytes reply(core::bytes to) {
    to[2] |= 0x80U;
    return to;
}

core::bytes other_id(core::bytes to) {
    to = reply(std::move(to));
    to[1] ^= 1U;
    return to;
}

struct told {
    dns_carried carried = dns_silence{};
    dns::refused_datagrams refused;
    core::duration took{};
};

awaitable<void> ask(core::endpoint server, core::duration timeout, told& into) {
    auto carried = co_await carry(dns_carrier::udp, server, query(), timeout, into.refused);
    into.carried = std::move(carried);
}

/// What comes of a query to a server that gives these datagrams for it.
told ask(const std::function<datagrams(core::bytes)>& answers, core::duration timeout) {
    start_carrier();
    datagram_socket server;
    datagram_socket stranger;
    std::thread serving([&] {
        core::bytes octets;
        const auto from = server.take(octets);
        if (!octets.empty()) {
            stranger.give(reply(octets), from); // nobody hears of it
            for (const auto& one : answers(octets)) {
                server.give(one, from);
            }
        }
    });
    told seen;
    asio::io_context context;
    const auto begin = core::clock::now();
    asio::co_spawn(context, ask(server.bound(), timeout, seen),
                   [](const std::exception_ptr& thrown) { EXPECT_EQ(thrown, nullptr); });
    context.run();
    seen.took = std::chrono::duration_cast<core::duration>(core::clock::now() - begin);
    serving.join();
    return seen;
}

TEST(dns_carrier, takes_the_true_answer_after_others_and_counts_them) {
    const auto seen = ask(
        [](const core::bytes& query) {
            return datagrams{query, other_id(query), reply(query)};
        },
        10s);
    ASSERT_TRUE(seen.carried) << seen.carried.error().sentence;
    EXPECT_EQ(*seen.carried, reply(query()));
    EXPECT_EQ(describe(seen.refused),
              "2 datagrams that were no answer to this query (id 814 instead of 815)");
    EXPECT_LT(seen.took, 5s);
}

TEST(dns_carrier, hears_of_nobody_else) {
    const auto seen = ask([](const core::bytes& query) { return datagrams{reply(query)}; }, 10s);
    EXPECT_TRUE(seen.carried);
    EXPECT_EQ(seen.refused.number, 0U);
}

TEST(dns_carrier, gives_up_at_the_third_that_is_no_answer) {
    const auto seen = ask(
        [](const core::bytes& query) {
            return datagrams{query, core::bytes{}, other_id(query), reply(query)};
        },
        10s);
    ASSERT_FALSE(seen.carried);
    EXPECT_EQ(seen.refused.number, 3U);
    EXPECT_EQ(seen.carried.error().sentence,
              "3 datagrams that were no answer to this query (id 814 instead of 815)");
    EXPECT_LT(seen.took, 5s);
}

TEST(dns_carrier, waits_no_longer_for_one_that_is_no_answer) {
    const auto seen = ask(
        [](const core::bytes& query) {
            return datagrams{core::bytes{}, query};
        },
        200ms);
    ASSERT_FALSE(seen.carried);
    EXPECT_EQ(seen.refused.number, 2U);
    EXPECT_EQ(seen.carried.error().sentence, "no answer within resolver.timeout");
    EXPECT_LT(seen.took, 5s);
}

/// 1232 octets were asked for: the codec refuses what is cut off.
TEST(dns_carrier, cuts_off_what_is_longer_than_was_asked_for) {
    const auto seen = ask(
        [](const core::bytes& query) {
            auto large = reply(query);
            large.resize(5'000);
            return datagrams{std::move(large)};
        },
        10s);
    ASSERT_TRUE(seen.carried) << seen.carried.error().sentence;
    EXPECT_EQ(seen.carried->size(), dns::udp_payload);
}

TEST(dns_carrier, hears_at_once_of_a_closed_port) {
    const auto closed = datagram_socket().bound();
    start_carrier();
    told seen;
    asio::io_context context;
    asio::co_spawn(context, ask(closed, 10s, seen),
                   [](const std::exception_ptr& thrown) { EXPECT_EQ(thrown, nullptr); });
    const auto begin = core::clock::now();
    context.run();
    EXPECT_FALSE(seen.carried);
    EXPECT_LT(core::clock::now() - begin, 5s);
}

/// Its sockets are of our making: they block nobody, and no other program gets them.
TEST(dns_carrier, opens_sockets_as_any_other_of_ours) {
    int flags = 0;
    int status = 0;
    ask(
        [&](const core::bytes& query) {
            for (int fd = 3; fd < 64; ++fd) {
                sockaddr_storage peer{};
                socklen_t size = sizeof(peer);
                if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0) {
                    flags = ::fcntl(fd, F_GETFD);
                    status = ::fcntl(fd, F_GETFL);
                }
            }
            return datagrams{reply(query)};
        },
        10s);
    EXPECT_NE(flags & FD_CLOEXEC, 0);
    EXPECT_NE(status & O_NONBLOCK, 0);
}

} // namespace
} // namespace roachpin::net
