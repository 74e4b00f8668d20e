#pragma once

#include "core/bytes.hpp"
#include "net/descriptor.hpp"
#include "net/live_sessions.hpp"
#include "net/session.hpp"
#include "net/task_group.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

namespace roachpin::net {

/// A connection accepted on the control thread, not yet on a worker's.
struct accepted_descriptor {
    descriptor socket;
    int family = 0;
    policy::client_identity identity;
    std::string peer;
    opening_places::place opening;
};

/// A data-plane thread: its own event loop, its own scratch buffer, its own sessions. Nothing of it
/// is locked, since nothing of it is shared but what its public members name.
class worker {
public:
    explicit worker(data_plane& plane);
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    /// Stops and joins if nobody has.
    ~worker();

    /// Hands a connection over. Any thread.
    void serve(std::shared_ptr<listener> by, accepted_descriptor client);

    /// Orders the end of every session that a node has answered. Any thread.
    void retire_all(retirement order);

    /// Orders the end of those sessions that `judge` has one for. `judge` is made on the worker's
    /// thread and lives there; `done` then runs on it with how many they are. Any thread.
    using session_judge = std::function<std::optional<retirement>(const live_session&)>;
    void review(std::function<session_judge()> make_judge, std::function<void(std::size_t)> done);

    /// `here` runs on the worker's thread: a sign of life. Any thread.
    void ping(std::function<void()> here);

    /// Connections given and not yet over. Any thread.
    std::size_t load() const { return load_.load(std::memory_order_relaxed); }

    /// What its sessions have passed. Any thread.
    const traffic_by_node& passed() const { return passed_; }

    /// Lets the sessions end by themselves until `deadline`, cancels those that are left, and ends
    /// the thread. `stopped` then runs on it with the number of those cancelled. Any thread, once.
    void stop(core::time_point deadline, std::function<void(std::size_t)> stopped);

    /// Waits for the thread's end.
    void join() { thread_.join(); }

private:
    awaitable<void> end_sessions(core::time_point deadline,
                                 std::function<void(std::size_t)> stopped);

    static constexpr std::size_t scratch_size = 64 * 1024;

    data_plane& plane_;
    asio::io_context context_;
    poller sockets_; ///< until it is stopped, the loop has work
    core::bytes scratch_;
    live_sessions live_;
    pipe_pool pipes_;
    traffic_by_node passed_;
    task_group sessions_;
    std::atomic<std::size_t> load_ = 0;
    bool stopping_ = false; ///< the worker's thread only
    std::thread thread_;
};

} // namespace roachpin::net
