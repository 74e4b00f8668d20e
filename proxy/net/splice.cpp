#include "net/splice.hpp"

#include "net/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <memory>
#include <optional>

namespace roachpin::net {
namespace {

/// The two pumps and the watchdog of one session. Shared with the watchdog's timer handler, which
/// may still be queued when the session is over.
class session_pumps : public std::enable_shared_from_this<session_pumps> {
public:
    session_pumps(byte_stream& client, byte_stream& node, std::span<std::uint8_t> scratch,
                  splice_options options, executor where, pgwire::message_boundary sent_ahead)
        : up_{.from = client,
              .to = node,
              .framing = sent_ahead,
              .closed = splice_end::client_closed,
              .from_lost = splice_end::client_lost,
              .to_lost = splice_end::node_lost},
          down_{.from = node,
                .to = client,
                .closed = splice_end::node_closed,
                .from_lost = splice_end::node_lost,
                .to_lost = splice_end::client_lost},
          scratch_(scratch), options_(options), watchdog_(where) {}

    /// One pump runs in the caller's coroutine, the other beside it: an idle session is mostly
    /// coroutine frames, and this takes fewer of them than `&&` does.
    static awaitable<splice_result> run(std::shared_ptr<session_pumps> self) {
        auto other_ended = [self](const std::exception_ptr& thrown) {
            self->note_other(thrown);
        };
        asio::co_spawn(self->watchdog_.get_executor(), self->pump(self->down_), other_ended);
        try {
            self->start_idle_watch();
            co_await self->pump(self->up_);
        } catch (...) { // whatever it is: the other pump must end before what it uses goes away
            self->note_thrown(std::current_exception());
        }
        co_await asio::this_coro::throw_if_cancelled(false); // told to stop, it must still join
        while (!self->other_done_) {
            co_await self->wait_for_other();
        }
        co_await asio::this_coro::throw_if_cancelled(true);
        co_return self->finish();
    }

private:
    awaitable<void> wait_for_other() {
        timer ended(watchdog_.get_executor(), timer::time_point::max());
        other_ended_ = &ended;
        co_await ended.async_wait(as_result);
        other_ended_ = nullptr;
        if (!other_done_) {
            end_all(splice_end::cancelled);
        }
    }

    void note_thrown(const std::exception_ptr& thrown) {
        if (!is_cancellation(thrown)) {
            thrown_ = thrown;
        }
        end_all(splice_end::cancelled);
    }

    void note_other(const std::exception_ptr& thrown) {
        other_done_ = true;
        if (thrown) {
            note_thrown(thrown);
        }
        if (other_ended_ != nullptr) {
            other_ended_->cancel();
        }
    }

    splice_result finish() {
        over_ = true;
        watchdog_.cancel();
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
        const bool told = down_.framing.last_type() == 'E';
        return {end_.value_or(splice_end::cancelled), up_.moved, down_.moved,
                down_.framing.at_boundary() && !told && !client_cut_, cause_};
    }

    void start_idle_watch() {
        if (options_.idle.count() > 0) {
            last_activity_ = core::clock::now();
            watch_until(last_activity_ + options_.idle);
        }
    }

    /// One direction of the session; what its ends are called.
    struct direction {
        byte_stream& from;
        byte_stream& to;
        std::uint64_t moved = 0;
        pgwire::message_boundary framing{};
        splice_end closed{};
        splice_end from_lost;
        splice_end to_lost;
    };

    awaitable<void> pump(direction& way) {
        while (!stopped_) {
            const auto got = way.from.read_some(scratch_);
            if (got.status == io_status::ok) {
                core::bytes_view rest = scratch_.first(got.size);
                note(way, rest);
                auto put = write_now(rest, way.to);
                if (is_blocked(put.status)) {
                    put = co_await write_rest({rest.begin(), rest.end()}, put, way.to);
                }
                if (put.status != io_status::ok) {
                    co_return end_all(way.to_lost, put.cause);
                }
                if (way.from.has_buffered()) {
                    continue;
                }
            } else if (got.status == io_status::closed && (&way == &up_ || !is_owed_a_reason())) {
                end_one(&way == &down_ && is_cut() ? way.from_lost : way.closed);
                co_return co_await close_sending(way.to);
            } else if (!is_blocked(got.status)) {
                // Or closed, however properly, while the client is owed a reason.
                co_return end_all(way.from_lost, got.cause);
            }
            // Straight to the wait after a read that emptied the socket: trying again would cost a
            // system call to learn what the wait learns for nothing.
            const auto [cancelled] = co_await way.from.wait(got.status);
            if (cancelled) {
                co_return end_all(splice_end::cancelled);
            }
        }
    }

    /// Writes until `rest` is empty or `to` takes no more.
    static io_result write_now(core::bytes_view& rest, byte_stream& to) {
        while (!rest.empty()) {
            const auto put = to.write_some(rest);
            if (put.status != io_status::ok) {
                return put;
            }
            rest = rest.subspan(put.size);
        }
        return {io_status::ok};
    }

    /// The slow way: `held` is a copy, since the scratch buffer belongs to others while this waits.
    /// Not ok where `to` is gone, or the session was stopped with octets left.
    awaitable<io_result> write_rest(core::bytes held, io_result put, byte_stream& to) {
        core::bytes_view rest = held;
        while (is_blocked(put.status) && !stopped_) {
            const auto [cancelled] = co_await to.wait(put.status);
            if (cancelled) {
                end_all(splice_end::cancelled);
                break;
            }
            put = write_now(rest, to);
        }
        client_cut_ = client_cut_ || (!rest.empty() && &to == &down_.to);
        co_return rest.empty() ? io_result{io_status::ok}
                               : io_result{io_status::failed, 0, put.cause};
    }

    awaitable<void> close_sending(byte_stream& to) {
        while (!stopped_) {
            const auto done = to.close_sending();
            if (done.status != io_status::wants_write) {
                co_return;
            }
            const auto [cancelled] = co_await to.wait(done.status);
            if (cancelled) {
                co_return end_all(splice_end::cancelled);
            }
        }
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
            watch_until(core::clock::now() + options_.half_close);
        }
    }

    void end_all(splice_end why, error_code cause = {}) {
        if (stopped_) {
            return; // what a stopped session's octets run into is not what ended it
        }
        stopped_ = true;
        cause_ = cause;
        if (!end_ || why == splice_end::half_close_timeout) {
            end_ = why;
        }
        up_.from.cancel(); // and a wait that has ended already is met by stopped_
        up_.to.cancel();
    }

    void watch_until(core::time_point when) {
        watchdog_.expires_at(when);
        watchdog_.async_wait([self = shared_from_this()](const error_code& cancelled) {
            if (!cancelled && !self->over_) {
                self->on_watch();
            }
        });
    }

    void on_watch() {
        if (end_) {
            end_all(splice_end::half_close_timeout);
        } else if (core::clock::now() >= last_activity_ + options_.idle) {
            end_all(splice_end::idle_timeout);
        } else {
            watch_until(last_activity_ + options_.idle);
        }
    }

    direction up_; ///< client to node
    direction down_;
    std::span<std::uint8_t> scratch_;
    splice_options options_;
    timer watchdog_;
    core::time_point last_activity_{};
    std::optional<splice_end> end_;
    error_code cause_;
    std::exception_ptr thrown_;
    timer* other_ended_ = nullptr; ///< set while the caller's coroutine waits for the other pump
    bool other_done_ = false;
    bool client_cut_ = false; ///< octets for the client were left unwritten
    bool stopped_ = false;    ///< both pumps are to end
    bool over_ = false;       ///< both have
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

awaitable<splice_result> splice(byte_stream& client, upstream_stream& node,
                                std::span<std::uint8_t> scratch, splice_options options,
                                executor where, pgwire::message_boundary sent_ahead) {
    return session_pumps::run(
        std::make_shared<session_pumps>(client, node.bytes(), scratch, options, where, sent_ahead));
}

} // namespace roachpin::net
