#include "net/splice.hpp"

#include "net/both_ways.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace roachpin::net {
namespace {

/// How often one direction reads on where there is more, before others have their turn.
constexpr int turns_at_most = 8;

/// Passes octets through the worker's scratch buffer, and follows what they say just as far as is
/// needed to know where one message ends and when nothing is under way.
class session_pumps final : public both_ways {
public:
    session_pumps(byte_stream& client, byte_stream& node, const worker_share& share,
                  splice_options options, retirement_bell& bell, splice_start& start)
        : both_ways(client, node, share.sockets, options, bell, start.lifetime_ends),
          talk_(std::move(start.so_far)), scratch_(share.scratch),
          on_cancel_key_(std::move(start.on_cancel_key)) {}

    void start(const core::bytes& first_words) {
        follow(down_, first_words);
        write(down_, held_down_, first_words);
        both_ways::start();
    }

    splice_result result() const override {
        auto done = both_ways::result();
        const bool whole = talk_.node().at_boundary() && held_down_.octets.empty();
        done.may_tell_client = whole && talk_.node().last_type() != 'E';
        return done;
    }

private:
    /// What was read in a direction, while its taker took no more.
    struct kept {
        core::bytes octets{};
        std::size_t left = 0; ///< the last so many of them are to be written
    };

    void pump(direction& way) override { pump(way, &way == &up_ ? held_up_ : held_down_); }

    void pump(direction& way, kept& held) {
        bool taken = write_held(way, held);
        for (int turn = 1; taken && !is_over(); ++turn) {
            const auto got = way.from.stream.read_some(scratch_);
            if (is_blocked(got.status)) {
                return wait(way, way.from, got.status);
            }
            if (got.status == io_status::closed && (&way == &up_ || !is_owed_a_reason())) {
                return end_one(way, &way == &down_ && is_cut() ? way.from.lost : way.closed);
            }
            if (got.status != io_status::ok) {
                // Or closed, however properly, while the client is owed a reason.
                return end_all(way.from.lost, got.cause);
            }
            const core::bytes_view octets = scratch_.first(got.size);
            follow(way, octets);
            taken = write(way, held, octets);
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
    bool write(direction& way, kept& held, core::bytes_view octets) {
        while (!octets.empty()) {
            const auto put = way.to.stream.write_some(octets);
            if (is_blocked(put.status)) {
                if (held.octets.empty()) { // the scratch buffer is others' while this waits
                    held.octets.assign(octets.begin(), octets.end());
                }
                held.left = octets.size();
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

    bool write_held(direction& way, kept& held) {
        const bool taken = write(way, held, core::bytes_view(held.octets).last(held.left));
        if (taken && !held.octets.empty()) {
            held = {};
        }
        return taken;
    }

    void follow(direction& way, core::bytes_view octets) {
        note(way, octets.size());
        if (&way == &up_) {
            talk_.client_said(octets);
            return;
        }
        talk_.node_said(octets);
        if (on_cancel_key_) {
            take_cancel_key();
        }
    }

    void take_cancel_key() {
        auto key = talk_.take_cancel_key();
        if (!key.empty()) {
            std::exchange(on_cancel_key_, {})(std::move(key));
        }
    }

    /// A client that has just sent its next statement is not idle, whatever was read so far.
    void retire_if_idle() override {
        if (talk_.is_idle() && held_down_.octets.empty() && held_up_.octets.empty() &&
            !client_.stream.has_unread()) {
            end_all(splice_end::retired);
        }
    }

    /// Whether the node leaves a client that did not say goodbye without having told it why.
    bool is_owed_a_reason() const {
        return !has_ended() && talk_.node().at_boundary() && talk_.node().last_type() != 'E' &&
               talk_.client().last_type() != 'X';
    }

    /// Whether the node leaves in the middle of a message: nothing can be told any more.
    bool is_cut() const { return !has_ended() && !talk_.node().at_boundary(); }

    pgwire::conversation talk_;
    std::span<std::uint8_t> scratch_;
    kept held_up_;
    kept held_down_;
    std::function<void(core::bytes)> on_cancel_key_; ///< empty once it was called
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
    case splice_end::retired:
        return "retired";
    case splice_end::cut:
        return "cut";
    case splice_end::cancelled:
        break;
    }
    return "cancelled";
}

awaitable<splice_result> splice(byte_stream& client, upstream_stream& node, worker_share share,
                                splice_options options, retirement_bell& bell,
                                std::unique_ptr<splice_start> start) {
    session_pumps pumps(client, node.bytes(), share, options, bell, *start);
    pumps.start(start->first_words);
    start.reset(); // nothing that a session of days should keep
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
