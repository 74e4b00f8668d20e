#include "net/dial.hpp"

#include "core/printable.hpp"
#include "net/deadline.hpp"
#include "net/socket_address.hpp"
#include "pgwire/upstream_opening.hpp"
#include "tls/peer_check.hpp"

#include <boost/asio/this_coro.hpp>

#include <array>
#include <memory>

namespace roachpin::net {
namespace {

/// What a failed connect, read or write means for the node.
dial_failure down(dial_phase phase, const error_code& cause) {
    namespace errc = boost::system::errc;
    if (cause == errc::connection_refused) {
        return {phase, "refused", "connection refused", false};
    }
    if (cause == errc::connection_reset || cause == errc::broken_pipe) {
        return {phase, "reset", "the node reset the connection", false};
    }
    if (cause == errc::too_many_files_open || cause == errc::too_many_files_open_in_system ||
        cause == errc::not_enough_memory || cause == errc::no_buffer_space) {
        return {phase, std::string(out_of_resources),
                "roachpin itself has run out: " + cause.message(), false};
    }
    if (cause == errc::timed_out) {
        return {phase, "timeout", "the system gave the connection up", false};
    }
    if (cause == errc::network_unreachable || cause == errc::host_unreachable) {
        return {phase, "unreachable", cause.message(), false};
    }
    return {phase, "io_error", cause.message(), false};
}

dial_failure closed(dial_phase phase) {
    return {phase, "closed", "the node closed the connection", false};
}

std::string beginning_of(core::bytes_view octets) {
    return "\"" + core::printable(core::as_text(octets), 32) + "\"";
}

/// Nothing where the handshake may begin.
std::optional<dial_failure> refuse_answer(core::bytes_view received) {
    const auto refuse = [&](std::string reason, const std::string& presented) {
        return dial_failure{dial_phase::sslrequest, std::move(reason),
                            "expected the one octet 'S' in answer to SSLRequest; " + presented,
                            true};
    };
    switch (pgwire::judge_ssl_answer(received)) {
    case pgwire::ssl_answer::accepted:
        return std::nullopt;
    case pgwire::ssl_answer::declined:
        return refuse("tls_declined", "the node answered 'N': it has no TLS, and roachpin never "
                                      "falls back to clear text");
    case pgwire::ssl_answer::error:
        return refuse("error_answer", "the node answered with an error: " + beginning_of(received));
    case pgwire::ssl_answer::not_postgres:
        return refuse("not_postgres",
                      "what answered is no PostgreSQL server: " + beginning_of(received));
    case pgwire::ssl_answer::stuffed:
        break;
    }
    return refuse("stuffed",
                  std::to_string(received.size() - 1) + " more octets in clear came behind it");
}

/// SSLRequest fits an empty send buffer, so one write is enough.
std::optional<dial_failure> ask_for_tls(byte_stream& node) {
    const auto sent = node.write_some(pgwire::ssl_request_packet);
    if (sent.status != io_status::ok) {
        return down(dial_phase::sslrequest, sent.cause);
    }
    if (sent.size != pgwire::ssl_request_packet.size()) {
        return dial_failure{dial_phase::sslrequest, "io_error", "SSLRequest could not be sent",
                            false};
    }
    return std::nullopt;
}

struct waited {
    io_status status;
};

struct agreed {};

using answer = std::variant<waited, agreed, dial_failure>;

/// What has come of the node's answer. Apart from its coroutine, whose frame would keep the buffer.
answer read_answer(byte_stream& node) {
    std::array<std::uint8_t, 512> octets{}; // more than one, to see what is behind it
    const auto got = node.read_some(octets);
    if (is_blocked(got.status)) {
        return waited{got.status};
    }
    if (got.status == io_status::closed) {
        return closed(dial_phase::sslrequest);
    }
    if (got.status != io_status::ok) {
        return down(dial_phase::sslrequest, got.cause);
    }
    auto refused = refuse_answer(core::bytes_view(octets).first(got.size));
    return refused ? answer(std::move(*refused)) : answer(agreed{});
}

awaitable<std::optional<dial_failure>> agree_on_tls(byte_stream& node) {
    if (auto failed = ask_for_tls(node)) {
        co_return failed;
    }
    while (true) {
        auto now = read_answer(node);
        if (std::holds_alternative<agreed>(now)) {
            co_return std::nullopt;
        }
        if (auto* failed = std::get_if<dial_failure>(&now)) {
            co_return std::move(*failed);
        }
        const auto [failed] = co_await node.wait(std::get<waited>(now).status);
        if (failed) {
            co_return down(dial_phase::sslrequest, failed);
        }
    }
}

using verdict = std::variant<waited, tls::verified_peer, dial_failure>;

verdict to_verdict(tls::handshake_progress progress) {
    if (std::holds_alternative<tls::wants_read>(progress)) {
        return waited{io_status::wants_read};
    }
    if (std::holds_alternative<tls::wants_write>(progress)) {
        return waited{io_status::wants_write};
    }
    if (auto* peer = std::get_if<tls::verified_peer>(&progress)) {
        return std::move(*peer);
    }
    if (const auto* cut = std::get_if<tls::handshake_cut>(&progress)) {
        return cut->cause ? down(dial_phase::tls, cut->cause)
                          : dial_failure{dial_phase::tls, "closed", cut->sentence, false};
    }
    const auto& refusal = std::get<tls::peer_refusal>(progress);
    return dial_failure{dial_phase::tls, std::string(tls::to_string(refusal.fault)),
                        "expected " + refusal.expected + "; presented: " + refusal.presented, true};
}

awaitable<boost::system::result<tls::verified_peer, dial_failure>>
prove(byte_stream& node, const tls::upstream_context& context, const policy::node& target) {
    // Not in the frame: Asio hands a frame's memory on to whatever comes next, for a whole session.
    const auto check = std::make_unique<tls::peer_check>(context, target.host, target.pins,
                                                         target.issuer_pins, node.fd());
    while (true) {
        auto now = to_verdict(check->advance());
        if (auto* peer = std::get_if<tls::verified_peer>(&now)) {
            co_return std::move(*peer);
        }
        if (auto* failed = std::get_if<dial_failure>(&now)) {
            co_return std::move(*failed);
        }
        const auto [failed] = co_await node.wait(std::get<waited>(now).status);
        if (failed) {
            co_return down(dial_phase::tls, failed);
        }
    }
}

/// How far a dial has come, also when the deadline ends it, and what its phases took.
class dial_progress {
public:
    dial_phase phase() const { return phase_; }

    void enter(dial_phase next) {
        complete();
        phase_ = next;
    }

    /// The phase it is in has come to a good end.
    void complete() {
        const auto now = core::clock::now();
        took_[static_cast<std::size_t>(phase_)] = now - std::exchange(since_, now);
    }

    /// `result`: of a dial that did not fail.
    void tell(core::event_source* whom, const policy::candidate& to, std::string_view result,
              const std::optional<dial_failure>& why) const {
        if (whom == nullptr) {
            return;
        }
        std::string said(result);
        if (why) {
            said = why->hostile                      ? "hostile"
                   : why->reason == out_of_resources ? "not_dialled"
                                                     : "down";
        }
        whom->emit(core::events::dialled{{to.target->host.text(), to.where.to_string()},
                                         std::move(said),
                                         why ? why->reason : "",
                                         took_[static_cast<std::size_t>(dial_phase::tcp)],
                                         took_[static_cast<std::size_t>(dial_phase::sslrequest)],
                                         took_[static_cast<std::size_t>(dial_phase::tls)]});
    }

private:
    dial_phase phase_ = dial_phase::tcp;
    core::time_point since_ = core::clock::now();
    std::array<std::optional<core::clock::duration>, 3> took_{};
};

/// A connection on which TLS may begin. `progress` is the caller's.
awaitable<boost::system::result<byte_stream, dial_failure>> reach(core::endpoint where,
                                                                  keepalive_options keepalive,
                                                                  before_tls first,
                                                                  dial_progress& progress) {
    const auto address = to_socket_address(where);
    stream_socket socket(co_await asio::this_coro::executor);
    const auto [refused] = co_await socket.async_connect(address, as_result);
    if (refused) {
        co_return down(dial_phase::tcp, refused);
    }
    set_tcp_options(socket.native_handle(), keepalive);
    byte_stream node(std::move(socket));

    if (first == before_tls::ssl_request) {
        progress.enter(dial_phase::sslrequest);
        auto disagreed = co_await agree_on_tls(node);
        if (disagreed) {
            co_return std::move(*disagreed);
        }
    }
    co_return std::move(node);
}

/// `progress`: see `reach`. `proved`, where somebody wants to know: what the node is.
awaitable<dial_result> attempt(policy::candidate to, const tls::upstream_context& context,
                               keepalive_options keepalive, before_tls first,
                               dial_progress& progress, std::optional<tls::peer_facts>* proved) {
    auto node = co_await reach(to.where, keepalive, first, progress);
    if (!node) {
        co_return node.error();
    }
    progress.enter(dial_phase::tls);
    auto peer = co_await prove(*node, context, *to.target);
    if (!peer) {
        co_return peer.error();
    }
    progress.complete();
    if (proved != nullptr) {
        *proved = peer->facts();
    }
    co_return upstream_stream(std::move(*node), std::move(*peer));
}

dial_failure timed_out(dial_phase phase) {
    // Who dials chose the deadline.
    const std::string in_time = " in time (timeouts.dial; of probes, health.timeout)";
    switch (phase) {
    case dial_phase::tcp:
        return {phase, "timeout", "no TCP connection" + in_time, false};
    case dial_phase::sslrequest:
        return {phase, "timeout", "no answer to SSLRequest" + in_time, false};
    case dial_phase::tls:
    case dial_phase::startup:
        break;
    }
    return {phase, "timeout", "the TLS handshake did not end" + in_time, false};
}

template <class Result>
std::optional<dial_failure> failure_of(const Result& made) {
    return made ? std::nullopt : std::optional(made.error());
}

} // namespace

std::string_view to_string(dial_phase phase) {
    switch (phase) {
    case dial_phase::tcp:
        return "tcp";
    case dial_phase::sslrequest:
        return "sslrequest";
    case dial_phase::tls:
        return "tls";
    case dial_phase::startup:
        break;
    }
    return "startup";
}

awaitable<dial_result> dial(policy::candidate to, const tls::upstream_context& context,
                            keepalive_options keepalive, core::time_point deadline,
                            before_tls first, core::event_source* told) {
    dial_progress progress;
    auto done =
        co_await with_deadline(attempt(to, context, keepalive, first, progress, nullptr), deadline);
    dial_result made = done ? std::move(*done) : dial_result(timed_out(progress.phase()));
    const auto ended = co_await asio::this_coro::cancellation_state;
    if (ended.cancelled() == asio::cancellation_type::none) { // broken off, it says nothing
        progress.tell(told, to, "proved", failure_of(made));
    }
    co_return made;
}

awaitable<passthrough_result> dial_passthrough(policy::recent_proof to, keepalive_options keepalive,
                                               core::time_point deadline,
                                               core::event_source* told) {
    dial_progress progress;
    auto done = co_await with_deadline(
        reach(to.where().where, keepalive, before_tls::ssl_request, progress), deadline);
    passthrough_result made = timed_out(progress.phase());
    if (done && *done) {
        progress.complete();
        made = passthrough_stream(std::move(**done));
    } else if (done) {
        made = done->error();
    }
    const auto ended = co_await asio::this_coro::cancellation_state;
    if (ended.cancelled() == asio::cancellation_type::none) { // broken off, it says nothing
        progress.tell(told, to.where(), "reached", failure_of(made));
    }
    co_return made;
}

awaitable<inspection> inspect(policy::candidate to, const tls::upstream_context& context,
                              core::time_point deadline, core::event_source* told) {
    dial_progress progress;
    const keepalive_options keepalive;
    std::optional<tls::peer_facts> proved;
    auto done = co_await with_deadline(
        attempt(to, context, keepalive, before_tls::ssl_request, progress, &proved), deadline);
    inspection made = timed_out(progress.phase());
    if (done && *done) {
        made = std::move(*proved);
    } else if (done) {
        made = done->error();
    }
    const auto ended = co_await asio::this_coro::cancellation_state;
    if (ended.cancelled() == asio::cancellation_type::none) { // broken off, it says nothing
        progress.tell(told, to, "proved", failure_of(made));
    }
    co_return made;
}

} // namespace roachpin::net
