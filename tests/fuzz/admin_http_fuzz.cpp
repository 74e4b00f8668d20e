#include "fuzz.hpp"
#include "telemetry/admin_pages.hpp"
#include "telemetry/control_paths.hpp"
#include "telemetry/http_exchange.hpp"
#include "unit/telemetry/sample_status.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <array>
#include <sstream>

/// The admin server and the control socket, from the octets of a request to those of its answer, in
/// the way of telemetry/http_server.cpp but for the socket.
///
/// Fed: an octet that chooses the server (the admin server on loopback, the one beyond it, the
/// control socket), an octet that decides the cuts, then all that the client sends.
///
/// Asserted: however a request is cut, it is the same one and gets the same answer. An answer is
/// one HTTP message of known headers, without anything of the request in it. What succeeds is GET
/// of a page there is, by a Host of this machine where that counts, or POST of a path of the
/// control socket, which then does what it does once.
namespace {

using namespace roachpin;
using namespace roachpin::fuzz;
namespace http = boost::beast::http;
using boost::system::error_code;

enum class server { admin_on_loopback, admin_beyond, control };

/// What a client sends, and then nothing more.
class scripted {
public:
    scripted(core::bytes_view octets, cutter cut) : left_(octets), cut_(cut) {}

    template <class Buffers>
    std::size_t read_some(const Buffers& into, error_code& failed) {
        failed = {};
        if (held_.empty() && left_.empty()) {
            failed = boost::asio::error::eof;
            return 0;
        }
        if (held_.empty()) {
            held_ = cut_.next(left_);
        }
        const auto size =
            boost::asio::buffer_copy(into, boost::asio::const_buffer(held_.data(), held_.size()));
        held_ = held_.subspan(size);
        return size;
    }

    template <class Buffers>
    std::size_t read_some(const Buffers& into) {
        error_code failed;
        const auto size = read_some(into, failed);
        boost::asio::detail::throw_error(failed);
        return size;
    }

private:
    core::bytes_view left_;
    core::bytes_view held_;
    cutter cut_;
};

/// What got through to the handler, and came of it.
struct exchange {
    std::string answer; ///< empty: the connection is closed without one
    unsigned status = 0;
    std::string body;
    int handled = 0;
    std::string method;
    std::string target;
    std::string host;
    int done = 0; ///< by the control socket
};

telemetry::admin_source source() {
    using probe = telemetry::admin_source::probe;
    return {.status = [] { return test::sample_status(); },
            .metrics = [] { return "roachpin_ready 1\n"; },
            .live = [] { return probe(); },
            .started = [] { return probe("no node yet"); },
            .ready =
                [](telemetry::readiness_mode mode) {
                    return mode == telemetry::readiness_mode::all ? probe("1 of 2") : probe();
                }};
}

telemetry::http_handler handler_of(server kind, int& done) {
    if (kind != server::control) {
        static const auto loopback = telemetry::admin_pages(source(), true);
        static const auto beyond = telemetry::admin_pages(source(), false);
        return kind == server::admin_on_loopback ? loopback : beyond;
    }
    const auto act = [&done] {
        ++done;
        return telemetry::http_answer{202, "done\n"};
    };
    return telemetry::control_paths({{"/reload", act}, {"/drain", act}, {"/quitquitquit", act}});
}

exchange serve(server kind, core::bytes_view octets, cutter cut) {
    exchange seen;
    const auto handler = handler_of(kind, seen.done);
    const auto watched = [&](const telemetry::http_request& asked) {
        ++seen.handled;
        seen.method = asked.method;
        seen.target = asked.target;
        seen.host = asked.host;
        return handler(asked);
    };
    scripted client(octets, cut);
    boost::beast::flat_buffer buffer;
    telemetry::http_request_parser parser;
    error_code failed;
    http::read(client, buffer, parser, failed);
    if (const auto answer = telemetry::respond(failed, parser, watched)) {
        std::ostringstream written;
        written << *answer;
        seen.answer = written.str();
        seen.status = answer->result_int();
        seen.body = answer->body();
    }
    return seen;
}

/// The header's lines but the first, each without its end; `answer` is left with the body.
void require_header(std::string_view line) {
    constexpr std::array<std::string_view, 9> known{"Content-Type: ",
                                                    "Content-Length: ",
                                                    "Connection: close",
                                                    "Content-Security-Policy:",
                                                    "Allow: ",
                                                    "Cache-Control: no-store",
                                                    "Referrer-Policy: ",
                                                    "X-Content-Type-Options: ",
                                                    "Cross-Origin-Resource-Policy: "};
    require(std::any_of(known.begin(), known.end(),
                        [&](std::string_view one) { return line.starts_with(one); }),
            "a header is one of the program's own");
    require(is_printable_ascii(line), "a header is one line");
}

void require_message(const exchange& seen) {
    std::string_view rest = seen.answer;
    const auto next_line = [&] {
        const auto end = rest.find("\r\n");
        require(end != std::string_view::npos, "a header has its end");
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end + 2);
        return line;
    };
    const auto first = next_line();
    require(first.starts_with("HTTP/1.1 " + std::to_string(seen.status) + " ") &&
                is_printable_ascii(first),
            "an answer begins with its status");
    std::string length;
    for (auto line = next_line(); !line.empty(); line = next_line()) {
        require_header(line);
        if (line.starts_with("Content-Length: ")) {
            require(length.empty(), "an answer has one length");
            length = line.substr(16);
        }
    }
    require(length == std::to_string(seen.body.size()) && rest == seen.body,
            "an answer is as long as it says");
}

bool is_one_of(unsigned status, std::initializer_list<unsigned> those) {
    return std::find(those.begin(), those.end(), status) != those.end();
}

/// "127.0.0.1:9257", "[::1]", "localhost", and nothing.
bool is_of_this_machine(std::string_view host) {
    const bool bracketed = host.starts_with('[');
    const auto name =
        bracketed ? host.substr(1, host.find(']') - 1) : host.substr(0, host.find(':'));
    const auto* digits = bracketed ? "0123456789abcdefABCDEF.:" : "0123456789.";
    return host.empty() || name == "localhost" ||
           (!name.empty() && name.find_first_not_of(digits) == std::string_view::npos);
}

void require_page(server kind, const exchange& seen) {
    constexpr std::array<std::string_view, 8> pages{
        "/", "/page.css", "/page.js", "/status", "/metrics", "/livez", "/readyz", "/startupz"};
    const auto path = std::string_view(seen.target).substr(0, seen.target.find('?'));
    require(is_one_of(seen.status, {200, 400, 404, 405, 421, 503}), "an answer is one of a few");
    require(seen.status != 200 || (seen.method == "GET" &&
                                   std::find(pages.begin(), pages.end(), path) != pages.end()),
            "what succeeds is GET of a page there is");
    require(kind != server::admin_on_loopback || seen.status == 421 ||
                is_of_this_machine(seen.host),
            "a name that leads to this machine is not of it");
    require(seen.method == "GET" || is_one_of(seen.status, {405, 421}), "GET only");
    require(seen.done == 0, "the admin server does nothing");
}

void require_act(const exchange& seen) {
    constexpr std::array<std::string_view, 3> paths{"/reload", "/drain", "/quitquitquit"};
    const bool wanted =
        seen.method == "POST" && std::find(paths.begin(), paths.end(), seen.target) != paths.end();
    require(seen.done == (wanted ? 1 : 0), "POST of a path does what it does, once");
    require(seen.status == 202 ? wanted : is_one_of(seen.status, {404, 405}),
            "what succeeds is POST of a path there is");
}

void require_sound(server kind, const exchange& seen, core::bytes_view octets) {
    if (seen.answer.empty()) {
        require(seen.handled == 0, "what was asked for is answered");
        return;
    }
    require_message(seen);
    require(seen.handled <= 1, "a connection has one request");
    if (seen.handled == 0) {
        require(is_one_of(seen.status, {400, 413, 431}), "what is no request is refused");
        require(seen.status != 413 || octets.size() > 20, "a bound is a bound");
    } else if (kind == server::control) {
        require_act(seen);
    } else {
        require_page(kind, seen);
    }
    require(seen.handled == 0 || core::as_text(octets).starts_with(seen.method + " " + seen.target),
            "what is handled is what the client wrote first");
    // Pages are the program's, and sentences do not repeat what a client wrote.
    require(seen.status == 200 ||
                (seen.body.ends_with('\n') &&
                 is_printable_ascii(std::string_view(seen.body).substr(0, seen.body.size() - 1))),
            "a refusal is one line of plain text");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input from(data, size);
    const auto kind = static_cast<server>(from.octet() % 3);
    const auto seed = from.octet();
    const auto octets = from.rest();
    const auto seen = serve(kind, octets, cutter(seed));
    require_sound(kind, seen, octets);
    const auto again = serve(kind, octets, cutter(seed + 1U));
    // What is no request may be found out at one octet or another, with a sentence for each.
    require(seen.handled == again.handled && seen.target == again.target &&
                (seen.handled == 0 || seen.answer == again.answer),
            "the cuts do not change what is asked, nor the answer");
    return 0;
}
