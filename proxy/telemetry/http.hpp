#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A request and its answer, as those see them who decide on it.
namespace roachpin::telemetry {

/// What a client asks for. The texts are the server's, for the time of the call.
struct http_request {
    std::string_view method; ///< "GET", or whatever it wrote
    std::string_view target; ///< "/readyz?mode=all"
    std::string_view host;   ///< the Host header; empty where there is none
};

struct http_answer {
    unsigned status = 200;
    std::string body;
    std::string_view content_type = "text/plain; charset=utf-8";
    std::vector<std::pair<std::string_view, std::string_view>> headers{}; ///< further ones
};

/// Answers one request, on the server's thread, which it must not hold up. What it throws becomes
/// a 500. It may cancel the server: the answer is sent none the less.
using http_handler = std::function<http_answer(const http_request&)>;

} // namespace roachpin::telemetry
