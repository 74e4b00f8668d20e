#include "net/descriptor.hpp"
#include "net/poller.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <optional>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace roachpin::test {
namespace {

using events = net::poller::watch::events;

/// The near end of a socket pair is watched.
class poller : public testing::Test {
protected:
    poller() {
        std::array<int, 2> pair{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()), 0);
        near = net::descriptor(pair[0]);
        far = net::descriptor(pair[1]);
        watched.emplace(sockets, near.number(), [this](events came) {
            told.push_back(came);
            on_ready();
        });
    }

    ~poller() override {
        watched.reset();
        sockets.stop();
        context.run();
    }

    void say(char octet) { ASSERT_EQ(::write(far.number(), &octet, 1), 1); }

    void hear() {
        char octet = 0;
        ASSERT_EQ(::read(near.number(), &octet, 1), 1);
    }

    net::asio::io_context context;
    net::poller sockets{context.get_executor()};
    net::descriptor near;
    net::descriptor far;
    std::optional<net::poller::watch> watched;
    std::vector<events> told;
    std::function<void()> on_ready = [] {
    };
};

TEST_F(poller, tells_what_is_wanted_as_long_as_it_is_so) {
    say('a');
    context.poll();
    EXPECT_TRUE(told.empty());
    watched->want(EPOLLIN);
    on_ready = [this] {
        if (told.size() == 3) {
            hear();
        }
    };
    context.poll();
    EXPECT_EQ(told, std::vector<events>(3, EPOLLIN));
}

TEST_F(poller, tells_again_without_being_asked_again) {
    on_ready = [this] {
        hear();
    };
    watched->want(EPOLLIN);
    for (std::size_t i = 1; i <= 3; ++i) {
        say('a');
        context.poll();
        EXPECT_EQ(told.size(), i);
    }
}

TEST_F(poller, keeps_to_what_is_wanted_last) {
    watched->want(EPOLLIN);
    watched->want(EPOLLIN | EPOLLOUT);
    on_ready = [this] {
        watched->want(EPOLLIN);
    };
    context.poll();
    EXPECT_EQ(told, std::vector<events>{EPOLLOUT});
    say('a');
    on_ready = [this] {
        hear();
    };
    context.poll();
    EXPECT_EQ(told, (std::vector<events>{EPOLLOUT, EPOLLIN}));
}

TEST_F(poller, tells_of_a_hang_up_as_of_all_that_is_wanted) {
    watched->want(EPOLLIN | EPOLLOUT);
    far = {};
    on_ready = [this] {
        watched->want(0);
    };
    context.poll();
    EXPECT_EQ(told, (std::vector<events>{EPOLLIN | EPOLLOUT}));
}

TEST_F(poller, a_hang_up_that_nobody_wants_does_not_keep_the_loop_busy) {
    watched->want(EPOLLIN);
    watched->want(0);
    far = {};
    while (context.poll_one() != 0) { // with the hang-up told for ever this had no end
    }
    EXPECT_TRUE(told.empty());
}

TEST_F(poller, the_loop_ends_once_it_is_stopped) {
    say('a');
    watched->want(EPOLLIN);
    on_ready = [this] {
        sockets.stop();
    };
    context.run();
    EXPECT_FALSE(told.empty());
}

} // namespace
} // namespace roachpin::test
