#include "net/http_health.hpp"

#include "core/printable.hpp"
#include "net/deadline.hpp"
#include "net/dial.hpp"
#include "net/write_all.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

#include <array>
#include <memory>
#include <variant>

namespace roachpin::net {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t longest_header = 8 * 1024;
constexpr std::size_t read_size = 2 * 1024;

health_refusal not_asked(std::string reason, std::string detail) {
    return {false, std::move(reason), std::move(detail)};
}

health_refusal timed_out(std::string_view phase) {
    return not_asked("timeout", "no answer within health.timeout (" + std::string(phase) + ")");
}

health_refusal not_reached(const dial_failure& failure) {
    const auto phase = to_string(failure.phase);
    return failure.reason == "timeout"
               ? timed_out(phase)
               : not_asked(failure.reason, std::string(phase) + ": " + failure.detail);
}

/// RFC 9112 section 3.2, RFC 3986 section 3.2.2 (brackets).
std::string authority(const policy::candidate& of) {
    const auto& host = of.target->host;
    const bool bracketed = host.ip() && !host.ip()->is_v4();
    return (bracketed ? "[" + host.text() + "]" : host.text()) + ":" +
           std::to_string(of.where.port);
}

std::string request(const policy::candidate& of, const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: " + authority(of) +
           "\r\nUser-Agent: roachpin\r\nConnection: close\r\n\r\n";
}

/// An answer's header, as it comes in pieces.
class header_reader {
public:
    header_reader() {
        parser_.header_limit(longest_header);
        parser_.body_limit(boost::none); // it is not read
    }

    bool is_complete() const { return parser_.is_header_done(); }

    /// Why it is no answer, once that is certain.
    std::optional<health_refusal> take(core::bytes_view octets) {
        unread_ += core::as_text(octets);
        if (shown_.empty()) {
            shown_ = core::printable(unread_, 32);
        }
        error_code failed;
        const auto used = parser_.put(asio::const_buffer(unread_.data(), unread_.size()), failed);
        unread_.erase(0, used);
        if (!failed || failed == http::error::need_more) {
            return std::nullopt;
        }
        return not_asked("malformed", "what answered is no HTTP/1.1 server (" + failed.message() +
                                          "): \"" + shown_ + "\"");
    }

    std::optional<health_refusal> verdict() const {
        const auto& answer = parser_.get();
        if (answer.result_int() == 200) {
            return std::nullopt;
        }
        return health_refusal{true, "http_status",
                              "the node answered " + std::to_string(answer.result_int()) + " " +
                                  core::printable(std::string_view(answer.reason()), 64)};
    }

private:
    http::response_parser<http::empty_body> parser_;
    std::string unread_;
    std::string shown_; ///< how the answer begins
};

struct waits {
    io_status on;
};

struct answered {};

using progress = std::variant<waits, answered, health_refusal>;

/// Reads what is there. Apart from its coroutine, whose frame would keep the buffer.
progress read_header(byte_stream& node, header_reader& header) {
    while (!header.is_complete()) {
        std::array<std::uint8_t, read_size> octets; // NOLINT(*-member-init): read into
        const auto got = node.read_some(octets);
        if (is_blocked(got.status)) {
            return waits{got.status};
        }
        if (got.status == io_status::failed) {
            return not_asked("io_error", "the connection broke: " + got.cause.message());
        }
        if (got.status != io_status::ok) {
            return not_asked("closed",
                             "the node closed the connection before its answer was whole");
        }
        if (auto refused = header.take(core::bytes_view(octets).first(got.size))) {
            return std::move(*refused);
        }
    }
    return answered{};
}

awaitable<std::optional<health_refusal>> exchange(byte_stream& node, std::string question) {
    const auto header = std::make_unique<header_reader>();
    const bool written = co_await write_all(node, core::as_bytes(question));
    if (!written) {
        co_return not_asked("closed", "the node closed the connection before it was asked");
    }
    while (true) {
        auto now = read_header(node, *header);
        if (auto* refused = std::get_if<health_refusal>(&now)) {
            co_return std::move(*refused);
        }
        if (std::holds_alternative<answered>(now)) {
            co_return header->verdict();
        }
        const auto [failed] = co_await node.wait(std::get<waits>(now).on);
        if (failed) {
            co_return not_asked("io_error", "the connection broke: " + failed.message());
        }
    }
}

} // namespace

awaitable<std::optional<health_refusal>> ask_health(policy::candidate to,
                                                    const tls::upstream_context& context,
                                                    std::string path, core::time_point deadline) {
    auto question = request(to, path);
    const keepalive_options keepalive;
    auto dialled = co_await dial(std::move(to), context, keepalive, deadline, before_tls::nothing);
    if (!dialled) {
        co_return not_reached(dialled.error());
    }
    auto judged = co_await with_deadline(exchange(dialled->bytes(), std::move(question)), deadline);
    if (!judged) {
        co_return timed_out("http");
    }
    co_return std::move(*judged);
}

} // namespace roachpin::net
