#pragma once

#include "net/byte_stream.hpp"
#include "net/poller.hpp"
#include "net/splice.hpp"

#include <cstdint>
#include <exception>
#include <optional>

namespace roachpin::net {

/// A session that passes octets both ways, apart from how they are moved: whom its two pumps wait
/// for, half a close, the clock, and what ended first. The pumps are plain calls, which run when a
/// socket is ready; the session's coroutine sleeps meanwhile, until the session is over or the
/// clock is to be looked at.
///
/// Runs where `client` does. The streams must outlive it, and are out of Asio's reactor meanwhile.
class both_ways {
public:
    both_ways(const both_ways&) = delete;
    both_ways& operator=(const both_ways&) = delete;

    /// Throws boost::system::system_error where the kernel refuses a watch.
    void start();

    bool is_over() const { return stopped_ || (up_.done && down_.done); }

    /// Until the session is over, or `look_at_clock` is due, or its coroutine is cancelled.
    auto sleep() {
        clock_.expires_at(next_look());
        return clock_.async_wait(as_result);
    }

    void look_at_clock();

    void cancel() { end_all(splice_end::cancelled); }

    /// Of a session that is over. Throws what one of its pumps has thrown.
    virtual splice_result result() const;

protected:
    /// A connection of the session: one pump reads it, the other writes it.
    struct side {
        side(byte_stream& bytes, poller& sockets, splice_end when_lost, both_ways& session);

        byte_stream& stream;
        splice_end lost; ///< what its loss is called
        poller::watch watch;
    };

    /// One direction of the session, and where its pump stands.
    struct direction {
        side& from;
        side& to;
        splice_end closed;       ///< what its end is called
        std::uint64_t moved = 0; ///< octets read
        const side* waits{};     ///< what for is in `waits_for`
        poller::watch::events waits_for = 0;
        bool closing = false; ///< `from` has ended
        bool done = false;    ///< and `to` was told
    };

    /// `lifetime_ends`: then the session's end is ordered.
    both_ways(byte_stream& client, byte_stream& node, poller& sockets, splice_options options,
              retirement_bell& bell, core::time_point lifetime_ends);

    ~both_ways() { bell_.on_ring({}); }

    /// Moves what it can, then says what it waits for, or that `way` or all is at its end.
    virtual void pump(direction& way) = 0;

    /// The session's end is ordered (`bell`), and sockets were served or the order has just come:
    /// ends the session where nothing is under way, if that can be known.
    virtual void retire_if_idle() {}

    static void wait(direction& way, const side& on, io_status status);

    /// Octets of `way` were read.
    void note(direction& way, std::size_t size);

    /// `from` has ended its sending, and `to` has all that came: the other direction may still
    /// finish, for a while. `why`: what that is called, if it is the first.
    void end_one(direction& way, splice_end why);

    /// The session is over, whatever is still on its way.
    void end_all(splice_end why, error_code cause = {});

    /// Whether a side has ended its sending.
    bool has_ended() const { return end_.has_value(); }

    side client_;
    side node_;
    direction up_; ///< client to node
    direction down_;

private:
    core::time_point next_look() const;
    void run(direction& way);
    void on_ring();
    void on_order();
    void close(direction& way);
    void on_ready(const side& ready, poller::watch::events came);
    void watch_both();

    splice_options options_;
    retirement_bell& bell_;
    core::time_point lifetime_ends_;
    timer clock_;
    core::time_point last_activity_ = core::clock::now();
    core::time_point half_close_until_{}; ///< once `end_` is known
    std::optional<splice_end> end_;       ///< what ended first
    error_code cause_;
    std::exception_ptr thrown_;
    bool stopped_ = false;
};

} // namespace roachpin::net
