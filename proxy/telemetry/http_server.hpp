#pragma once

#include "telemetry/http.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <functional>

namespace roachpin::telemetry {

struct http_options {
    std::size_t most_connections = 8;
    std::function<bool(int connection)> is_trusted = [](int) {
        return true;
    }; ///< of a connection just accepted; otherwise it is closed unheard
};

/// HTTP/1.1 on a non-blocking socket that listens, one request a connection, until it is cancelled.
/// `listening` stays its owner's and must outlive this.
///
/// Bounded whatever clients do: connections beyond `most_connections` are closed unheard; headers
/// within 8 KiB, a body within 64 KiB, a whole request within 5 s, its answer taken within 5 s.
/// Errors of accept(2) are waited out, 5 ms at first and 1 s at most, and never end it.
///
/// It ends by throwing operation_aborted when it is cancelled, and its connections have ended then:
/// a request that was heard has been answered, or 5 s have passed.
boost::asio::awaitable<void, boost::asio::io_context::executor_type>
serve_http(int listening, http_handler handler, http_options options);

} // namespace roachpin::telemetry
