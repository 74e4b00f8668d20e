#include "telemetry/control_server.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace roachpin::telemetry {
namespace {

/// A second lock behind the file's mode, which anybody of that user may change.
bool is_trusted(int connection) {
    ucred peer{};
    socklen_t size = sizeof(peer);
    return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || peer.uid == ::geteuid());
}

} // namespace

boost::asio::awaitable<void, boost::asio::io_context::executor_type>
serve_control(int listening, std::map<std::string, control_handler> handlers) {
    return serve_http(listening, control_paths(std::move(handlers)), {8, is_trusted});
}

} // namespace roachpin::telemetry
