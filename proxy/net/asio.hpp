#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

/// Asio with the executor named instead of type-erased: every wait on the data path is a direct
/// call.
namespace roachpin::net {

namespace asio = boost::asio;

using boost::system::error_code;

using executor = asio::io_context::executor_type;

template <class T>
using awaitable = asio::awaitable<T, executor>;

inline constexpr asio::use_awaitable_t<executor> use_awaitable{};

/// An operation's result instead of an exception: routine ends are no errors.
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<executor>> as_result{use_awaitable};

/// TCP and unix sockets alike.
using stream_socket = asio::basic_stream_socket<asio::generic::stream_protocol, executor>;

using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;

} // namespace roachpin::net
