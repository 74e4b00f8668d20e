#pragma once

#include "telemetry/control_paths.hpp"
#include "telemetry/http_server.hpp"

#include <map>
#include <string>

namespace roachpin::telemetry {

/// Serves the control socket (`admin.control`), until it is cancelled: POST to the paths of
/// `handlers` and nothing else, in the way of `serve_http`. `listening` is a non-blocking unix
/// socket that listens, with mode 0600; it stays its owner's and must outlive this.
///
/// A connection whose peer is neither root nor of this process's own user is closed unheard. So is
/// one while eight others are open.
boost::asio::awaitable<void, boost::asio::io_context::executor_type>
serve_control(int listening, std::map<std::string, control_handler> handlers);

} // namespace roachpin::telemetry
