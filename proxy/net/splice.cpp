#include "net/splice.hpp"

#include <boost/asio/this_coro.hpp>

#include <array>
#include <exception>
#include <optional>
#include <sys/epoll.h>

namespace roachpin::net {
namespace {

using ready_events = poller::watch::events;

/// How often one direction reads on where there is more, before others have their turn.
constexpr int turns_at_most = 8;

/// The two pumps of one session: plain calls, which run when a socket is ready. The session's
/// coroutine sleeps meanwhile, until they are at their end or the clock is to be looked at.
class session_pumps {
public:
    session_pumps(byte_stream& client, byte_stream& node, const worker_share& share,
                  splice_options options, pgwire::message_boundary sent_ahead)
        : client_{client, share.sockets, splice_end::client_lost, *this},
          node_{node, share.sockets, splice_end::node_lost, *this},
          up_{.from = client_,
              .to = node_,
              .closed = splice_end::client_closed,
              .framing = sent_ahead},
          down_{.from = node_, .to = client_, .closed = splice_end::node_closed},
          scratch_(share.scratch), options_(options), clock_(client.where()) {}

    void start() {
        pump(up_);
        pump(down_);
        watch_both();
    }

    bool is_over() const { return stopped_ || (up_.done && down_.done); }

    /// Until the session is over, or `look_at_clock` is due, or its coroutine is cancelled.
    auto sleep() {
        clock_.expires_at(end_                        ? half_close_until_
                          : options_.idle.count() > 0 ? last_activity_ + options_.idle
                                                      : core::time_point::max());
        return clock_.async_wait(as_result);
    }

    void look_at_clock() {
        const auto now = core::clock::now();
        if (end_ && now >= half_close_until_) {
            end_all(splice_end::half_close_timeout);
        } else if (!end_ && options_.idle.count() > 0 && now >= last_activity_ + options_.idle) {
            end_all(splice_end::idle_timeout);
        }
    }

    void cancel() { end_all(splice_end::cancelled); }

    splice_result result() const {
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
        const bool whole = down_.framing.at_boundary() && down_.held.empty();
        const bool told = down_.framing.last_type() == 'E';
        return {end_.value_or(splice_end::cancelled), up_.moved, down_.moved, whole && !told,
                cause_};
    }

private:
    /// A connection of the session: one pump reads it, the other writes it.
    struct side {
        side(byte_stream& bytes, poller& sockets, splice_end when_lost, session_pumps& pumps)
            : stream(bytes), lost(when_lost),
              watch(sockets, bytes.leave_reactor(),
                    [this, &pumps](ready_events came) { pumps.on_ready(*this, came); }) {}

        byte_stream& stream;
        splice_end lost;
        poller::watch watch;
    };

    /// One direction of the session, and where its pump stands.
    struct direction {
        side& from;
        side& to;
        splice_end closed; ///< what its end is called
        pgwire::message_boundary framing{};
        std::uint64_t moved = 0;
        core::bytes held{};        ///< read, while `to` took no more
        std::size_t held_left = 0; ///< the last so many octets of `held` are to be written
        const side* waits{};       ///< what for is in `waits_for`
        ready_events waits_for = 0;
        bool closing = false; ///< `from` has ended
        bool done = false;    ///< and `to` was told
    };

    void on_ready(const side& ready, ready_events came) {
        try {
            for (auto* way : {&up_, &down_}) {
                if (way->waits == &ready && (way->waits_for & came) != 0) {
                    pump(*way);
                }
            }
            watch_both();
        } catch (...) { // for the coroutine: nobody above can tell whose session it was
            thrown_ = std::current_exception();
            end_all(splice_end::cancelled);
        }
    }

    void watch_both() {
        for (auto* one : {&client_, &node_}) {
            ready_events wanted = 0;
            for (const auto* way : {&up_, &down_}) {
                wanted |= way->waits == one ? way->waits_for : 0;
            }
            one->watch.want(stopped_ ? 0 : wanted);
        }
    }

    void wait(direction& way, const side& on, io_status status) {
        way.waits = &on;
        way.waits_for = status == io_status::wants_write ? EPOLLOUT : EPOLLIN;
    }

    void pump(direction& way) {
        way.waits = nullptr;
        if (way.closing) {
            return close(way);
        }
        bool taken = write_held(way);
        for (int turn = 1; taken && !stopped_; ++turn) {
            const auto got = way.from.stream.read_some(scratch_);
            if (is_blocked(got.status)) {
                return wait(way, way.from, got.status);
            }
            if (got.status == io_status::closed && (&way == &up_ || !is_owed_a_reason())) {
                end_one(&way == &down_ && is_cut() ? way.from.lost : way.closed);
                return close(way);
            }
            if (got.status != io_status::ok) {
                // Or closed, however properly, while the client is owed a reason.
                return end_all(way.from.lost, got.cause);
            }
            const core::bytes_view octets = scratch_.first(got.size);
            note(way, octets);
            taken = write(way, octets);
            if (taken && !way.from.stream.has_buffered() && got.size < scratch_.size()) {
                // Straight to the wait after a read that emptied the socket: trying again would
                // cost a system call to learn what the wait learns for nothing.
                return wait(way, way.from, io_status::wants_read);
            }
            if (taken && turn == turns_at_most) {
                // What TLS holds makes no socket readable; that `to` takes more wakes us soon.
                return wait(way, way.to, io_status::wants_write);
            }
        }
    }

    /// Whether `to` has taken all of `octets`. The rest is held, or the session is over.
    bool write(direction& way, core::bytes_view octets) {
        while (!octets.empty()) {
            const auto put = way.to.stream.write_some(octets);
            if (is_blocked(put.status)) {
                if (way.held.empty()) { // the scratch buffer belongs to others while this waits
                    way.held.assign(octets.begin(), octets.end());
                }
                way.held_left = octets.size();
                wait(way, way.to, put.status);
                return false;
            }
            if (put.status != io_status::ok) {
                end_all(way.to.lost, put.cause);
                return false;
            }
            octets = octets.subspan(put.size);
        }
        return true;
    }

    bool write_held(direction& way) {
        const bool taken = write(way, core::bytes_view(way.held).last(way.held_left));
        if (taken && !way.held.empty()) {
            way.held = {};
            way.held_left = 0;
        }
        return taken;
    }

    void close(direction& way) {
        way.closing = true;
        const auto told = way.to.stream.close_sending();
        if (told.status == io_status::wants_write) {
            return wait(way, way.to, told.status);
        }
        way.done = true;
        clock_.cancel();
    }

    /// Whether the node leaves a client that did not say goodbye without having told it why.
    bool is_owed_a_reason() const {
        return !end_ && down_.framing.at_boundary() && down_.framing.last_type() != 'E' &&
               up_.framing.last_type() != 'X';
    }

    /// Whether the node leaves in the middle of a message: nothing can be told any more.
    bool is_cut() const { return !end_ && !down_.framing.at_boundary(); }

    void note(direction& way, core::bytes_view octets) {
        way.moved += octets.size();
        way.framing.follow(octets);
        if (options_.idle.count() > 0) {
            last_activity_ = core::clock::now();
        }
    }

    /// One side has ended its sending: the other may still finish, for a while.
    void end_one(splice_end why) {
        if (!end_) {
            end_ = why;
            half_close_until_ = core::clock::now() + options_.half_close;
            clock_.cancel();
        }
    }

    void end_all(splice_end why, error_code cause = {}) {
        if (is_over()) {
            return; // what an ended session's octets run into is not what ended it
        }
        stopped_ = true;
        cause_ = cause;
        if (!end_ || why == splice_end::half_close_timeout) {
            end_ = why;
        }
        clock_.cancel();
    }

    side client_;
    side node_;
    direction up_; ///< client to node
    direction down_;
    std::span<std::uint8_t> scratch_;
    splice_options options_;
    timer clock_;
    core::time_point last_activity_ = core::clock::now();
    core::time_point half_close_until_{}; ///< once `end_` is known
    std::optional<splice_end> end_;       ///< what ended first
    error_code cause_;
    std::exception_ptr thrown_;
    bool stopped_ = false; ///< whatever is still on its way
};

} // namespace

std::string_view to_string(splice_end end) {
    switch (end) {
    case splice_end::client_closed:
        return "client_closed";
    case splice_end::node_closed:
        return "node_closed";
    case splice_end::client_lost:
        return "client_lost";
    case splice_end::node_lost:
        return "node_lost";
    case splice_end::idle_timeout:
        return "idle_timeout";
    case splice_end::half_close_timeout:
        return "half_close_timeout";
    case splice_end::cancelled:
        break;
    }
    return "cancelled";
}

awaitable<splice_result> splice(byte_stream& client, upstream_stream& node, worker_share share,
                                splice_options options, pgwire::message_boundary sent_ahead) {
    session_pumps pumps(client, node.bytes(), share, options, sent_ahead);
    pumps.start();
    while (!pumps.is_over()) {
        co_await pumps.sleep();
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) {
            pumps.cancel();
        }
        pumps.look_at_clock();
    }
    co_return pumps.result();
}

} // namespace roachpin::net
