#pragma once

#include "net/dial.hpp"
#include "net/listening_socket.hpp"
#include "net/open_client.hpp"
#include "net/relay.hpp"
#include "net/task_group.hpp"
#include "support/fake_cockroach.hpp"
#include "support/loopback_client.hpp"

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <variant>

namespace roachpin::test {

/// Descriptors of this process whose target begins so ("pipe:"); all of them for nothing.
std::size_t descriptors(const std::string& kind = {});

/// Expects, when it is destroyed, as many descriptors as there were when it was made.
class descriptors_come_back {
public:
    descriptors_come_back() = default;
    descriptors_come_back(const descriptors_come_back&) = delete;
    descriptors_come_back& operator=(const descriptors_come_back&) = delete;
    ~descriptors_come_back();

private:
    std::size_t before_ = descriptors();
};

/// What became of a client: it wanted something else than TLS with a node, or no node was reached,
/// or it was relayed.
using client_fate = std::variant<net::client_wish, net::dial_failure, net::splice_result>;

/// Passthrough from a client's first octet to its last, to one node that counts as proved; without
/// the rest of the proxy, on a thread of its own.
class test_relay {
public:
    explicit test_relay(std::uint16_t node_port, net::splice_options options = {},
                        const std::string& bind = "127.0.0.1:0");
    ~test_relay();
    test_relay(const test_relay&) = delete;
    test_relay& operator=(const test_relay&) = delete;

    loopback_client connect();

    /// Waits for the next client whose fate is known. Throws std::runtime_error where there is none
    /// in time.
    client_fate next();

    /// The next client was relayed; how that ended. Throws where it was not.
    net::splice_result next_end() { return std::get<net::splice_result>(next()); }

    void cancel_all();

private:
    net::awaitable<void> accept();
    net::awaitable<void> serve(net::stream_socket socket);
    net::awaitable<client_fate> fate_of(net::byte_stream& client);

    std::uint16_t node_port_;
    net::splice_options options_;
    net::listening_socket socket_;
    net::asio::io_context context_{1};
    net::poller sockets_{context_.get_executor()};
    net::live_sessions live_;
    net::pipe_pool pipes_;
    net::traffic_by_node passed_;
    net::retirement_bell bell_;
    std::array<std::uint8_t, 65536> scratch_{};
    net::task_group accepting_;
    net::task_group sessions_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<client_fate> fates_;
    std::thread thread_;
};

} // namespace roachpin::test
