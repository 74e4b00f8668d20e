#pragma once

#include "core/time.hpp"
#include "net/asio.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <optional>
#include <utility>
#include <variant>

namespace roachpin::net {
namespace detail {

/// No variant: `||` would merge it into its own.
template <class T>
struct outcome {
    std::optional<T> value;
    std::exception_ptr thrown;
};

/// `||` waits for the first *success*: an exception must travel as a value, or it would be held
/// back until the deadline.
template <class T>
awaitable<outcome<T>> as_value(awaitable<T> work) {
    outcome<T> done;
    try {
        // Not inside a braced list: GCC 12 copies what is awaited there octet by octet.
        done.value.emplace(co_await std::move(work));
    } catch (...) {
        done.thrown = std::current_exception();
    }
    co_return done;
}

} // namespace detail

/// Runs `work` until `deadline`; nothing means the deadline passed and `work` was cancelled and
/// has ended. What `work` throws is thrown; so is operation_aborted when the caller itself is
/// cancelled, which is no timeout.
template <class T>
awaitable<std::optional<T>> with_deadline(awaitable<T> work, core::time_point deadline) {
    using asio::experimental::awaitable_operators::operator||;
    timer alarm(co_await asio::this_coro::executor, deadline);
    auto first = co_await (detail::as_value(std::move(work)) || alarm.async_wait(as_result));
    if (auto* done = std::get_if<0>(&first)) {
        if (done->thrown) {
            std::rethrow_exception(done->thrown);
        }
        co_return std::move(done->value);
    }
    if (std::get<0>(std::get<1>(first))) { // the alarm did not ring: somebody cancelled us
        throw boost::system::system_error(asio::error::operation_aborted);
    }
    co_return std::nullopt;
}

/// Runs `work` unless `stop` comes to its end before; nothing means that it did, and that `work`
/// was cancelled and has ended. Exceptions as with `with_deadline`; `stop`'s too.
template <class T>
awaitable<std::optional<T>> unless(awaitable<T> work, awaitable<bool> stop) {
    using asio::experimental::awaitable_operators::operator||;
    auto first = co_await (detail::as_value(std::move(work)) || detail::as_value(std::move(stop)));
    if (auto* done = std::get_if<0>(&first)) {
        if (done->thrown) {
            std::rethrow_exception(done->thrown);
        }
        co_return std::move(done->value);
    }
    if (const auto& stopped = std::get<1>(first); stopped.thrown) {
        std::rethrow_exception(stopped.thrown);
    }
    co_return std::nullopt;
}

} // namespace roachpin::net
