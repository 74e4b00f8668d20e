#include "net/deadline.hpp"
#include "net/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <stdexcept>

namespace roachpin::net {
namespace {

using namespace std::chrono_literals;

struct boom : std::runtime_error {
    boom() : std::runtime_error("boom") {}
};

awaitable<std::string> after(std::chrono::milliseconds time, bool& cancelled) {
    timer alarm(co_await asio::this_coro::executor, time);
    const auto [error] = co_await alarm.async_wait(as_result);
    cancelled = error == asio::error::operation_aborted;
    co_return "done";
}

awaitable<std::string> throwing() {
    timer alarm(co_await asio::this_coro::executor, 1ms);
    co_await alarm.async_wait(use_awaitable);
    throw boom();
}

/// Runs `work` to its end; what it threw is thrown.
void run(awaitable<void> work) {
    asio::io_context context;
    std::exception_ptr problem;
    asio::co_spawn(context, std::move(work),
                   [&](const std::exception_ptr& thrown) { problem = thrown; });
    context.run();
    if (problem) {
        std::rethrow_exception(problem);
    }
}

awaitable<void> expect_value() {
    bool cancelled = false;
    const auto got = co_await with_deadline(after(1ms, cancelled), core::clock::now() + 10s);
    EXPECT_EQ(got, "done");
    EXPECT_FALSE(cancelled);
}

TEST(with_deadline, gives_the_value) {
    run(expect_value());
}

awaitable<void> expect_timeout() {
    bool cancelled = false;
    const auto got = co_await with_deadline(after(10s, cancelled), core::clock::now() + 5ms);
    EXPECT_EQ(got, std::nullopt);
    EXPECT_TRUE(cancelled) << "the work must have ended";
}

TEST(with_deadline, tells_a_timeout_and_ends_the_work) {
    run(expect_timeout());
}

awaitable<void> expect_error() {
    co_await with_deadline(throwing(), core::clock::now() + 10s);
}

TEST(with_deadline, throws_at_once_what_the_work_throws) {
    const auto start = core::clock::now();
    EXPECT_THROW(run(expect_error()), boom);
    EXPECT_LT(core::clock::now() - start, 5s);
}

awaitable<void> expect_cancelled(bool& timed_out) {
    bool cancelled = false;
    const auto got = co_await with_deadline(after(10s, cancelled), core::clock::now() + 10s);
    timed_out = !got;
}

TEST(with_deadline, is_not_timed_out_when_cancelled_from_outside) {
    asio::io_context context;
    bool timed_out = false;
    task_group tasks(context.get_executor(), [](const std::exception_ptr&) { FAIL(); });
    tasks.spawn(expect_cancelled(timed_out));
    timer alarm(context.get_executor(), 10ms);
    alarm.async_wait([&](const error_code&) { tasks.cancel(); });
    context.run();
    EXPECT_FALSE(timed_out);
    EXPECT_EQ(tasks.size(), 0U);
}

awaitable<void> wait_forever(int& ended) {
    timer alarm(co_await asio::this_coro::executor, timer::time_point::max());
    co_await alarm.async_wait(as_result);
    ++ended;
}

awaitable<void> throw_boom() {
    co_await throwing();
}

awaitable<void> use_group(task_group& tasks, int& ended) {
    for (int i = 0; i < 10; ++i) {
        tasks.spawn(wait_forever(ended));
    }
    tasks.spawn(throw_boom());
    timer alarm(co_await asio::this_coro::executor, 20ms);
    co_await alarm.async_wait(use_awaitable);
    EXPECT_EQ(tasks.size(), 10U);
    tasks.cancel();
    co_await tasks.join();
    EXPECT_EQ(tasks.size(), 0U);
}

TEST(task_group, joins_what_it_cancelled_and_hears_of_failures) {
    asio::io_context context;
    int ended = 0;
    int failed = 0;
    task_group tasks(context.get_executor(), [&](const std::exception_ptr& thrown) {
        ++failed;
        EXPECT_THROW(std::rethrow_exception(thrown), boom);
    });
    asio::co_spawn(context, use_group(tasks, ended),
                   [](const std::exception_ptr& thrown) { EXPECT_EQ(thrown, nullptr); });
    context.run();
    EXPECT_EQ(ended, 10);
    EXPECT_EQ(failed, 1);
}

awaitable<void> sleep_and_end(int& ended) {
    bool cancelled = false;
    co_await after(20ms, cancelled);
    ended += cancelled ? 0 : 1;
}

awaitable<void> throw_later() {
    timer alarm(co_await asio::this_coro::executor, 10ms);
    co_await alarm.async_wait(use_awaitable);
    throw std::runtime_error("not the first");
}

awaitable<void> ask_two(int& ended) {
    task_group tasks(co_await asio::this_coro::executor);
    tasks.spawn(throw_boom());
    tasks.spawn(throw_later());
    tasks.spawn(sleep_and_end(ended));
    co_await tasks.join_or_cancel();
}

/// Through a group within a group, as questions are asked.
awaitable<void> ask_all(int& ended) {
    task_group tasks(co_await asio::this_coro::executor);
    tasks.spawn(ask_two(ended));
    tasks.spawn(ask_two(ended));
    co_await tasks.join_or_cancel();
}

TEST(task_group, throws_the_first_failure_in_its_parent_once_all_have_ended) {
    int ended = 0;
    EXPECT_THROW(run(ask_all(ended)), boom);
    EXPECT_EQ(ended, 2);
}

awaitable<void> wait_in_a_group(int& ended) {
    task_group tasks(co_await asio::this_coro::executor);
    tasks.spawn(wait_forever(ended));
    tasks.spawn(wait_forever(ended));
    co_await tasks.join_or_cancel();
}

TEST(task_group, cancels_its_tasks_with_its_parent_and_that_is_no_failure) {
    asio::io_context context;
    int ended = 0;
    task_group parent(context.get_executor(), [](const std::exception_ptr&) { FAIL(); });
    parent.spawn(wait_in_a_group(ended));
    timer alarm(context.get_executor(), 10ms);
    alarm.async_wait([&](const error_code&) { parent.cancel(); });
    context.run();
    EXPECT_EQ(ended, 2);
}

} // namespace
} // namespace roachpin::net
