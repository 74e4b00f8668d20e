#include "telemetry/http_server.hpp"

#include "core/time.hpp"
#include "policy/backoff.hpp"
#include "telemetry/http_exchange.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <cerrno>
#include <exception>
#include <list>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace roachpin::telemetry {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

using executor = asio::io_context::executor_type;
template <class T>
using awaitable = asio::awaitable<T, executor>;
constexpr asio::use_awaitable_t<executor> use_awaitable{};
constexpr asio::as_tuple_t<asio::use_awaitable_t<executor>> as_result{use_awaitable};
using timer = asio::basic_waitable_timer<core::clock, asio::wait_traits<core::clock>, executor>;
using stream_socket = asio::basic_stream_socket<asio::generic::stream_protocol, executor>;
using watched_descriptor = asio::posix::basic_stream_descriptor<executor>;

constexpr core::duration for_a_request = 5s;
constexpr core::duration for_its_answer = 5s;

/// What to say to the client, as `respond` has it.
awaitable<std::optional<http_response>> hear(stream_socket& client, const http_handler& handler) {
    using asio::experimental::awaitable_operators::operator||;
    boost::beast::flat_buffer octets;
    http_request_parser parser;
    timer alarm(client.get_executor(), for_a_request);
    const auto first = co_await (http::async_read(client, octets, parser, as_result) ||
                                 alarm.async_wait(as_result));
    if (first.index() == 1) {
        co_return make_response({408, "the request was not whole within 5 s\n"});
    }
    co_return respond(std::get<0>(std::get<0>(first)), parser, handler);
}

/// A socket closed with octets unread resets the connection, and the client loses its answer: what
/// it still sends is read for a while.
awaitable<void> hear_out(stream_socket& client) {
    std::vector<char> octets(4096);
    error_code failed;
    client.shutdown(stream_socket::shutdown_send, failed);
    std::size_t heard = 0;
    while (!failed && heard < largest_http_body) {
        const auto got = co_await client.async_read_some(asio::buffer(octets), as_result);
        failed = std::get<0>(got);
        heard += std::get<1>(got);
    }
}

awaitable<void> tell(stream_socket& client, http_response& answer) {
    const auto sent = co_await http::async_write(client, answer, as_result);
    if (!std::get<0>(sent)) {
        co_await hear_out(client);
    }
}

awaitable<void> serve_client(stream_socket client, const http_handler& handler) {
    using asio::experimental::awaitable_operators::operator||;
    auto answer = co_await hear(client, handler);
    // Whoever was heard is answered: what was asked for may be the end of this very server.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    if (answer) {
        timer alarm(client.get_executor(), for_its_answer);
        co_await (tell(client, *answer) || alarm.async_wait(as_result));
    }
}

/// The connections being served: joined, never detached.
class clients {
public:
    explicit clients(executor where) : where_(where), emptied_(where, timer::time_point::max()) {}

    std::size_t number() const { return running_.size(); }

    void serve(stream_socket client, const http_handler& handler) {
        running_.emplace_back();
        const auto one = std::prev(running_.end());
        auto on_end = [this, one](const std::exception_ptr&) {
            // A connection that fails is closed. Its signal is still in use by what is just ending.
            asio::post(where_, [this, one] { ended(one); });
        };
        try {
            asio::co_spawn(where_, serve_client(std::move(client), handler),
                           asio::bind_cancellation_slot(one->slot(), on_end));
        } catch (...) { // out of memory
            running_.erase(one);
            throw;
        }
    }

    /// Cancels them all and waits for their ends. Whoever calls it must not be thrown out of it by
    /// a cancellation of his own.
    awaitable<void> end() {
        for (auto& one : running_) {
            one.emit(asio::cancellation_type::terminal);
        }
        while (!running_.empty()) {
            co_await emptied_.async_wait(as_result);
        }
    }

private:
    using entry = std::list<asio::cancellation_signal>::iterator;

    void ended(entry one) {
        running_.erase(one);
        if (running_.empty()) {
            emptied_.cancel();
        }
    }

    executor where_;
    std::list<asio::cancellation_signal> running_;
    timer emptied_;
};

/// Lets go of a descriptor that somebody else owns.
struct borrowed {
    watched_descriptor& watched;

    ~borrowed() { watched.release(); }
};

/// False where something went wrong that is not the peer's.
bool accept_one(int listening, clients& open, const http_handler& handler,
                const http_options& options, executor where) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    const int fd = ::accept4(listening, reinterpret_cast<sockaddr*>(&peer), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    }
    stream_socket client(where);
    error_code failed;
    client.assign({peer.ss_family, 0}, fd, failed);
    if (failed) {
        ::close(fd);
        return false;
    }
    if (open.number() < options.most_connections && options.is_trusted(fd)) {
        try {
            open.serve(std::move(client), handler);
        } catch (const std::exception&) { // this one is closed, the next may be served
            return false;
        }
    }
    return true;
}

awaitable<void> accept_clients(int listening, clients& open, const http_handler& handler,
                               const http_options& options) {
    const auto where = co_await asio::this_coro::executor;
    watched_descriptor watched(where, listening);
    const borrowed until_return{watched};
    policy::backoff backoff(5ms, 1s);
    timer pause(where);
    while (true) {
        co_await watched.async_wait(watched_descriptor::wait_read, use_awaitable);
        if (accept_one(listening, open, handler, options, where)) {
            backoff.succeeded();
            continue;
        }
        pause.expires_after(backoff.failed());
        co_await pause.async_wait(use_awaitable);
    }
}

} // namespace

awaitable<void> serve_http(int listening, http_handler handler, http_options options) {
    clients open(co_await asio::this_coro::executor);
    std::exception_ptr why;
    try {
        co_await accept_clients(listening, open, handler, options);
    } catch (...) {
        why = std::current_exception();
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await open.end();
    co_await asio::this_coro::throw_if_cancelled(true);
    std::rethrow_exception(why); // accepting ends in no other way
}

} // namespace roachpin::telemetry
