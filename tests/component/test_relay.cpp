#include "component/test_relay.hpp"

#include "component/test_proxy.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <sys/socket.h>

namespace roachpin::test {
namespace {

using namespace std::chrono_literals;

using watched_descriptor = net::asio::posix::basic_stream_descriptor<net::executor>;

policy::recent_proof proof_of(std::uint16_t port) {
    const auto target = std::make_shared<policy::node>(node_at(port));
    const auto now = core::clock::now();
    return policy::recent_proof::from({target, target->endpoints.front()}, now, now, 10s).value();
}

void fail(const std::exception_ptr&) {
    std::terminate();
}

} // namespace

std::size_t descriptors(const std::string& kind) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone; // the iterator's own
        const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
        count += !gone && target.starts_with(kind) ? 1 : 0;
    }
    return count;
}

descriptors_come_back::~descriptors_come_back() {
    EXPECT_EQ(descriptors(), before_);
}

test_relay::test_relay(std::uint16_t node_port, net::splice_options options,
                       const std::string& bind)
    : node_port_(node_port), options_(options),
      socket_(net::listening_socket::open(core::parse_bind_address(bind).value(), 0600).value()),
      accepting_(context_.get_executor(), fail), sessions_(context_.get_executor(), fail) {
    std::signal(SIGPIPE, SIG_IGN);
    accepting_.spawn(accept());
    thread_ = std::thread([this] { context_.run(); });
}

test_relay::~test_relay() {
    net::asio::post(context_, [this] {
        accepting_.cancel();
        sessions_.cancel();
        sockets_.stop();
    });
    thread_.join();
}

loopback_client test_relay::connect() {
    if (const auto* path = std::get_if<core::unix_path>(&socket_.bound())) {
        return loopback_client::connect_unix(path->path);
    }
    return loopback_client::connect_tcp("127.0.0.1",
                                        std::get<core::endpoint>(socket_.bound()).port);
}

client_fate test_relay::next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, default_patience, [&] { return !fates_.empty(); })) {
        throw std::runtime_error("no client's fate is known in time");
    }
    auto first = std::move(fates_.front());
    fates_.pop_front();
    return first;
}

void test_relay::cancel_all() {
    net::asio::post(context_, [this] { sessions_.cancel(); });
}

net::awaitable<void> test_relay::accept() {
    watched_descriptor watched(context_.get_executor(), ::dup(socket_.fd()));
    while (true) {
        co_await watched.async_wait(watched_descriptor::wait_read, net::use_awaitable);
        const int accepted = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted >= 0) {
            const int family = socket_.bound().index() == 0 ? AF_INET : AF_UNIX;
            const net::asio::generic::stream_protocol any(family, 0);
            sessions_.spawn(serve(net::stream_socket(context_.get_executor(), any, accepted)));
        }
    }
}

net::awaitable<void> test_relay::serve(net::stream_socket socket) {
    std::optional<client_fate> fate;
    {
        net::byte_stream client(std::move(socket));
        fate = co_await fate_of(client);
    } // closed before anybody hears of it
    const std::lock_guard lock(mutex_);
    fates_.push_back(std::move(*fate));
    changed_.notify_all();
}

net::awaitable<client_fate> test_relay::fate_of(net::byte_stream& client) {
    net::opening_progress progress;
    auto wish = co_await net::open_passthrough(client, scratch_, progress);
    if (!std::holds_alternative<pgwire::opening::pass_through>(wish)) {
        co_return wish;
    }
    auto node = co_await net::dial_passthrough(proof_of(node_port_), net::keepalive_options{},
                                               core::clock::now() + 2s);
    if (!node) {
        co_return node.error();
    }
    if (!net::accept_passthrough(client)) {
        co_return net::client_wish(net::client_gone{});
    }
    co_return co_await net::relay(client, *node, {scratch_, sockets_, live_, pipes_, passed_},
                                  options_, bell_);
}

} // namespace roachpin::test
