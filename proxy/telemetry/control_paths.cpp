#include "telemetry/control_paths.hpp"

#include <utility>

namespace roachpin::telemetry {
namespace {

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

http_handler control_paths(std::map<std::string, control_handler> handlers) {
    return [handlers = std::move(handlers)](const http_request& asked) {
        return answer(asked, handlers);
    };
}

} // namespace roachpin::telemetry
