#include "net/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace roachpin::net {

bool is_cancellation(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
        return error.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

task_group::task_group(executor where, std::function<void(std::exception_ptr)> failed)
    : where_(where), failed_(std::move(failed)), emptied_(where, timer::time_point::max()) {}

task_group::task_group(executor where)
    : task_group(where, [this](const std::exception_ptr& thrown) {
          if (!first_failure_) {
              first_failure_ = thrown;
          }
      }) {}

void task_group::spawn(awaitable<void> work) {
    running_.emplace_back();
    const auto task = std::prev(running_.end());
    auto on_end = [this, task](const std::exception_ptr& thrown) {
        // The signal is still in use by the coroutine that is just ending.
        asio::post(where_, [this, task, thrown] { ended(task, thrown); });
    };
    asio::co_spawn(where_, std::move(work), asio::bind_cancellation_slot(task->slot(), on_end));
}

void task_group::cancel() {
    for (auto& task : running_) {
        task.emit(asio::cancellation_type::terminal);
    }
}

awaitable<void> task_group::join() {
    while (!running_.empty()) {
        co_await emptied_.async_wait(as_result);
    }
}

awaitable<void> task_group::join_or_cancel() {
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!running_.empty()) {
        co_await emptied_.async_wait(as_result);
        const auto told = co_await asio::this_coro::cancellation_state;
        if (told.cancelled() != asio::cancellation_type::none) {
            cancel();
        }
    }
    co_await asio::this_coro::throw_if_cancelled(true);
    if (first_failure_) {
        std::rethrow_exception(std::exchange(first_failure_, nullptr));
    }
}

void task_group::ended(entry task, const std::exception_ptr& thrown) {
    running_.erase(task);
    if (thrown && !is_cancellation(thrown)) {
        failed_(thrown);
    }
    if (running_.empty()) {
        emptied_.cancel();
    }
}

} // namespace roachpin::net
