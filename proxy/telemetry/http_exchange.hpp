#pragma once

#include "telemetry/http.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

/// HTTP/1.1 of the admin server and the control socket, without I/O: what is taken for a request,
/// and what goes back.
namespace roachpin::telemetry {

inline constexpr std::uint32_t largest_http_header = 8 * 1024;
inline constexpr std::size_t largest_http_body = 64 * 1024;

/// Reads one request within these bounds.
struct http_request_parser : boost::beast::http::request_parser<boost::beast::http::string_body> {
    http_request_parser();
};

using http_response = boost::beast::http::response<boost::beast::http::string_body>;

/// With what HTTP itself asks for, and with an end of the connection behind it.
http_response make_response(http_answer from);

/// What to say when reading has ended: with the whole request, or as `failed` says. Nothing where
/// the client has gone, or nothing can be said any more.
std::optional<http_response> respond(const boost::system::error_code& failed,
                                     const http_request_parser& heard, const http_handler& handler);

} // namespace roachpin::telemetry
