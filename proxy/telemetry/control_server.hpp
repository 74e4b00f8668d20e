#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <map>
#include <string>

namespace roachpin::telemetry {

struct control_answer {
    unsigned status = 200; ///< HTTP's
    std::string body;      ///< text/plain
};

/// What POST to a path does. Runs on the control thread, which it must not hold up; what it throws
/// becomes a 500. It may cancel the server: the answer is sent none the less.
using control_handler = std::function<control_answer()>;

/// Serves the control socket (`admin.control`), until it is cancelled: HTTP/1.1, POST to the paths
/// of `handlers` and nothing else, one request a connection. `listening` is a non-blocking unix
/// socket that listens, with mode 0600; it stays its owner's and must outlive this.
///
/// A connection whose peer is neither root nor of this process's own user is closed unheard, a
/// second lock behind the file's mode, which anybody of that user may change. So is one while eight
/// others are open. A request must be whole within 5 s, its body within 64 KiB. Errors of accept(2)
/// are waited out, 5 ms at first and 1 s at most, and never end it.
///
/// It ends by throwing operation_aborted when it is cancelled, and its connections have ended then:
/// a request that was heard has been answered, or 5 s have passed.
boost::asio::awaitable<void, boost::asio::io_context::executor_type>
serve_control(int listening, std::map<std::string, control_handler> handlers);

} // namespace roachpin::telemetry
