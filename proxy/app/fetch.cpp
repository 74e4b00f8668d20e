#include "app/fetch.hpp"

#include "net/asio.hpp"
#include "net/socket_address.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <exception>
#include <optional>

namespace roachpin::app {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr auto patience = 5s;
constexpr std::uint64_t largest_answer = 16 * 1024 * 1024;

using stream = boost::beast::basic_stream<asio::generic::stream_protocol, net::executor>;
using request = http::request<http::empty_body>;

core::error no_answer(const core::endpoint& from, const boost::system::error_code& why) {
    if (why == boost::beast::error::timeout) {
        return core::error{"no answer from " + from.to_string() + " within 5 s"};
    }
    return core::error{"no answer from " + from.to_string() + ": " + why.message()};
}

net::awaitable<core::result<std::string>> ask(core::endpoint from, std::string target) {
    stream server(co_await asio::this_coro::executor);
    server.expires_after(patience);
    const auto [unreachable] =
        co_await server.async_connect(net::to_socket_address(from), net::as_result);
    if (unreachable) {
        co_return no_answer(from, unreachable);
    }
    request asked(http::verb::get, target, 11);
    asked.set(http::field::host, from.to_string());
    asked.set(http::field::connection, "close");
    const auto [unsent, size] = co_await http::async_write(server, asked, net::as_result);
    if (unsent) {
        co_return no_answer(from, unsent);
    }
    boost::beast::flat_buffer octets;
    http::response_parser<http::string_body> parser;
    parser.body_limit(largest_answer);
    const auto [cut, heard] = co_await http::async_read(server, octets, parser, net::as_result);
    if (cut) {
        co_return no_answer(from, cut);
    }
    auto& answer = parser.get();
    if (answer.result() != http::status::ok) {
        co_return core::error{from.to_string() + " answered " +
                              std::to_string(answer.result_int()) + " to " + target};
    }
    core::result<std::string> body(boost::system::in_place_value, std::move(answer.body()));
    co_return body;
}

} // namespace

core::result<std::string> fetch(const core::endpoint& from, const std::string& target) {
    asio::io_context here(1);
    std::exception_ptr problem;
    std::optional<core::result<std::string>> answer;
    asio::co_spawn(here, ask(from, target),
                   [&](const std::exception_ptr& thrown, core::result<std::string> result) {
                       problem = thrown;
                       answer = std::move(result);
                   });
    here.run();
    if (problem) {
        std::rethrow_exception(problem);
    }
    return std::move(*answer);
}

} // namespace roachpin::app
