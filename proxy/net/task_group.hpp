#pragma once

#include "net/asio.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <list>

namespace roachpin::net {

/// Whether a coroutine that threw this was told to stop.
bool is_cancellation(const std::exception_ptr& thrown);

/// Coroutines that run side by side and are joined, never detached. Belongs to one thread, the one
/// that runs `where`; must be empty (see `join`) before it is destroyed.
class task_group {
public:
    /// `failed` hears of what a task threw; being cancelled is no failure.
    task_group(executor where, std::function<void(std::exception_ptr)> failed);
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    ~task_group() = default;

    void spawn(awaitable<void> work);

    /// Cancels every task that runs now.
    void cancel();

    /// Waits until no task is left.
    awaitable<void> join();

    std::size_t size() const { return running_.size(); }

private:
    using entry = std::list<asio::cancellation_signal>::iterator;

    void ended(entry task, const std::exception_ptr& thrown);

    executor where_;
    std::function<void(std::exception_ptr)> failed_;
    std::list<asio::cancellation_signal> running_;
    timer emptied_;
};

} // namespace roachpin::net
