#include "net/splice.hpp"

#include "pgwire/message_boundary.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>

#include <memory>
#include <optional>

namespace roachpin::net {
namespace {

/// The two pumps and the watchdog of one session. Shared with the watchdog's timer handler, which
/// may still be queued when the session is over.
class session_pumps : public std::enable_shared_from_this<session_pumps> {
public:
    session_pumps(byte_stream& client, byte_stream& node, std::span<std::uint8_t> scratch,
                  splice_options options, executor where)
        : client_(client), node_(node), scratch_(scratch), options_(options), watchdog_(where) {}

    awaitable<void> client_to_node() {
        return pump(client_, node_, bytes_to_node_, splice_end::client_closed,
                    splice_end::client_lost, splice_end::node_lost);
    }

    awaitable<void> node_to_client() {
        return pump(node_, client_, bytes_to_client_, splice_end::node_closed,
                    splice_end::node_lost, splice_end::client_lost);
    }

    void start_idle_watch() {
        if (options_.idle.count() > 0) {
            last_activity_ = core::clock::now();
            watch_until(last_activity_ + options_.idle);
        }
    }

    splice_result finish() {
        over_ = true;
        watchdog_.cancel();
        const bool told = framing_.last_type() == 'E';
        return {end_.value_or(splice_end::cancelled), bytes_to_node_, bytes_to_client_,
                framing_.at_boundary() && !told && !client_cut_};
    }

private:
    awaitable<void> pump(byte_stream& from, byte_stream& to, std::uint64_t& moved,
                         splice_end closed, splice_end lost, splice_end peer_lost) {
        while (!stopped_) {
            const auto got = from.read_some(scratch_);
            if (got.status == io_status::ok) {
                note(from, scratch_.first(got.size));
                moved += got.size;
                core::bytes_view rest = scratch_.first(got.size);
                auto put = write_now(rest, to);
                if (is_blocked(put)) {
                    put = co_await write_rest({rest.begin(), rest.end()}, put, to);
                }
                if (put != io_status::ok) {
                    co_return end_all(peer_lost);
                }
                if (from.has_buffered()) {
                    continue;
                }
            } else if (got.status == io_status::closed && moved == 0 && &from == &node_) {
                co_return end_all(lost); // however properly: the client has heard nothing yet
            } else if (got.status == io_status::closed) {
                end_one(closed);
                co_return co_await close_sending(to);
            } else if (!is_blocked(got.status)) {
                co_return end_all(lost);
            }
            // Straight to the wait after a read that emptied the socket: trying again would cost a
            // system call to learn what the wait learns for nothing.
            const auto [failed] = co_await from.wait(got.status);
            if (failed) {
                co_return;
            }
        }
    }

    static bool is_blocked(io_status status) {
        return status == io_status::wants_read || status == io_status::wants_write;
    }

    /// Writes until `rest` is empty or `to` takes no more.
    static io_status write_now(core::bytes_view& rest, byte_stream& to) {
        while (!rest.empty()) {
            const auto put = to.write_some(rest);
            if (put.status != io_status::ok) {
                return put.status;
            }
            rest = rest.subspan(put.size);
        }
        return io_status::ok;
    }

    /// The slow way: `held` is a copy, since the scratch buffer belongs to others while this waits.
    /// Not ok where `to` is gone, or the session was stopped with octets left.
    awaitable<io_status> write_rest(core::bytes held, io_status blocked, byte_stream& to) {
        core::bytes_view rest = held;
        while (is_blocked(blocked) && !stopped_) {
            const auto [failed] = co_await to.wait(blocked);
            if (failed) {
                break;
            }
            blocked = write_now(rest, to);
        }
        client_cut_ = client_cut_ || (!rest.empty() && &to == &client_);
        co_return rest.empty() ? io_status::ok : io_status::failed;
    }

    awaitable<void> close_sending(byte_stream& to) {
        while (!stopped_) {
            const auto done = to.close_sending();
            if (done.status != io_status::wants_write) {
                co_return;
            }
            const auto [failed] = co_await to.wait(done.status);
            if (failed) {
                co_return;
            }
        }
    }

    void note(const byte_stream& from, core::bytes_view octets) {
        if (&from == &node_) {
            framing_.follow(octets);
        }
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

    void end_all(splice_end why) {
        if (stopped_) {
            return; // what a stopped session's octets run into is not what ended it
        }
        stopped_ = true;
        if (!end_ || why == splice_end::half_close_timeout) {
            end_ = why;
        }
        client_.cancel(); // and a wait that has ended already is met by stopped_
        node_.cancel();
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

    byte_stream& client_;
    byte_stream& node_;
    std::span<std::uint8_t> scratch_;
    splice_options options_;
    timer watchdog_;
    core::time_point last_activity_{};
    std::uint64_t bytes_to_node_ = 0;
    std::uint64_t bytes_to_client_ = 0;
    pgwire::message_boundary framing_;
    std::optional<splice_end> end_;
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
                                std::span<std::uint8_t> scratch, splice_options options) {
    using asio::experimental::awaitable_operators::operator&&;
    const auto where = co_await asio::this_coro::executor;
    const auto pumps =
        std::make_shared<session_pumps>(client, node.bytes(), scratch, options, where);
    pumps->start_idle_watch();
    try {
        co_await (pumps->client_to_node() && pumps->node_to_client());
    } catch (const boost::system::system_error& stopped) {
        if (stopped.code() != asio::error::operation_aborted) {
            throw;
        }
    }
    co_return pumps->finish();
}

} // namespace roachpin::net
