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

http_answer answer(const http_request& asked,
                   const std::map<std::string, control_handler>& handlers) {
    const auto found = handlers.find(std::string(asked.target));
    if (found == handlers.end()) {
        std::string known;
        for (const auto& [path, handler] : handlers) {
            known += " " + path;
        }
        return {404, "no such path; there are:" + known + "\n"};
    }
    if (asked.method != "POST") {
        return {.status = 405, .body = "POST only\n", .headers = {{"Allow", "POST"}}};
    }
    return found->second();
}

} // namespace

boost::asio::awaitable<void, boost::asio::io_context::executor_type>
serve_control(int listening, std::map<std::string, control_handler> handlers) {
    auto by_path = [handlers = std::move(handlers)](const http_request& asked) {
        return answer(asked, handlers);
    };
    return serve_http(listening, std::move(by_path), {8, is_trusted});
}

} // namespace roachpin::telemetry
