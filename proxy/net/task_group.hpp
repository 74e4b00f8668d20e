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

    /// What the first task to fail has thrown is thrown again by `join_or_cancel`, in its caller.
    /// Thrown where the task ends it would leave the event loop, and end the process.
    explicit task_group(executor where);

    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    ~task_group() = default;

    void spawn(awaitable<void> work);

    /// Cancels every task that runs now.
    void cancel();

    /// Waits until no task is left.
    awaitable<void> join();

    /// The same for a group that is its caller's own: when the caller is cancelled, so are the
    /// tasks, and they are waited for none the less. All of them, too, before it throws what one of
    /// them threw.
    awaitable<void> join_or_cancel();

    std::size_t size() const { return running_.size(); }

private:
    using entry = std::list<asio::cancellation_signal>::iterator;

    void ended(entry task, const std::exception_ptr& thrown);

    executor where_;
    std::function<void(std::exception_ptr)> failed_;
    std::exception_ptr first_failure_; ///< of a group that nobody hears of
    std::list<asio::cancellation_signal> running_;
    timer emptied_;
};

} // namespace roachpin::net
