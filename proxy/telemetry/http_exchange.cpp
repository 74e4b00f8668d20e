#include "telemetry/http_exchange.hpp"

#include <boost/beast/http/error.hpp>

#include <exception>
#include <utility>

namespace roachpin::telemetry {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

http_response answer(const http_request_parser& heard, const http_handler& handler) {
    const auto& asked = heard.get();
    const auto host = asked[http::field::host];
    try {
        return make_response(handler({asked.method_string(), asked.target(), host}));
    } catch (const std::exception& problem) {
        return make_response({500, std::string(problem.what()) + "\n"});
    }
}

http_response refuse(const error_code& failed) {
    if (failed == http::error::body_limit) {
        return make_response({413, "a body of more than 64 KiB\n"});
    }
    if (failed == http::error::header_limit) {
        return make_response({431, "headers of more than 8 KiB\n"});
    }
    return make_response({400, "no HTTP request: " + failed.message() + "\n"});
}

} // namespace

http_request_parser::http_request_parser() {
    body_limit(largest_http_body);
    header_limit(largest_http_header);
}

http_response make_response(http_answer from) {
    http_response made;
    made.result(from.status);
    made.set(http::field::content_type, from.content_type);
    for (const auto& [name, value] : from.headers) {
        made.set(name, value);
    }
    made.keep_alive(false);
    made.body() = std::move(from.body);
    made.prepare_payload();
    return made;
}

std::optional<http_response> respond(const error_code& failed, const http_request_parser& heard,
                                     const http_handler& handler) {
    if (!failed) {
        return answer(heard, handler);
    }
    if (failed == http::error::end_of_stream ||
        failed.category() == boost::system::system_category()) {
        return std::nullopt;
    }
    return refuse(failed);
}

} // namespace roachpin::telemetry
