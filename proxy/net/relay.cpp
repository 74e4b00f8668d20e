#include "net/relay.hpp"

#include "net/both_ways.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace roachpin::net {
namespace {

/// What a pipe holds, if it holds whole pages.
constexpr std::size_t pipe_size = 64 * 1024;

/// A pipe has 16 places for pieces of any size: one that is filled by small segments leaves octets
/// in the socket. Less than this, and a second look would mostly find nothing.
constexpr std::size_t more_is_likely = 16 * 1024;

/// How often one direction reads on where there is more, before others have their turn.
constexpr int turns_at_most = 8;

io_result move(int from, int to, std::size_t at_most, io_status when_not_ready) {
    while (true) {
        const auto moved =
            ::splice(from, nullptr, to, nullptr, at_most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (moved > 0) {
            return {io_status::ok, static_cast<std::size_t>(moved)};
        }
        if (moved == 0) {
            return {io_status::closed};
        }
        if (errno == EAGAIN) {
            return {when_not_ready};
        }
        if (errno != EINTR) {
            return {io_status::failed, 0, {errno, boost::system::system_category()}};
        }
    }
}

/// Moves octets from socket to pipe to socket. A pipe is filled only when it is empty, so that a
/// splice(2) that would block always means the socket.
class kernel_pumps final : public both_ways {
public:
    kernel_pumps(byte_stream& client, byte_stream& node, const worker_share& share,
                 splice_options options, retirement_bell& bell)
        : both_ways(client, node, share.sockets, options, bell, core::time_point::max()),
          pipes_(share.pipes) {}

private:
    /// What was read in a direction, while its taker took no more.
    struct kept {
        pipe through{};
        std::size_t in_pipe = 0;
        core::bytes in_memory{};        ///< goes before what is in the pipe
        std::size_t in_memory_left = 0; ///< the last so many octets of it
    };

    void pump(direction& way) override {
        auto& held = &way == &up_ ? held_up_ : held_down_;
        pump(way, held);
        if (held.in_pipe > 0) {
            keep(held);
        } else if (held.through) {
            pipes_.give_back(std::exchange(held.through, {}));
        }
    }

    void pump(direction& way, kept& held) {
        bool taken = give(way, held);
        for (int turn = 1; taken && !is_over(); ++turn) {
            const auto got = fill(way, held);
            if (is_blocked(got.status)) {
                return wait(way, way.from, got.status);
            }
            if (got.status == io_status::closed && !is_silent_node(way)) {
                return end_one(way, way.closed);
            }
            if (got.status != io_status::ok) {
                return end_all(way.from.lost, got.cause);
            }
            note(way, got.size);
            taken = give(way, held);
            if (taken && (got.size < more_is_likely || turn == turns_at_most)) {
                return wait(way, way.from, io_status::wants_read);
            }
        }
    }

    io_result fill(direction& way, kept& held) {
        if (!held.through) {
            held.through = pipes_.take();
        }
        const auto got = move(way.from.stream.fd(), held.through.write_end.number(), pipe_size,
                              io_status::wants_read);
        held.in_pipe = got.size;
        return got;
    }

    /// Whether `to` has taken all that is held for it. Otherwise `way` waits, or the session is
    /// over.
    bool give(direction& way, kept& held) {
        while (held.in_memory_left > 0) {
            const auto rest = core::bytes_view(held.in_memory).last(held.in_memory_left);
            const auto put = way.to.stream.write_some(rest);
            if (!has_taken(way, put)) {
                return false;
            }
            held.in_memory_left -= put.size;
        }
        held.in_memory = {};
        while (held.in_pipe > 0) {
            const auto put = move(held.through.read_end.number(), way.to.stream.fd(), held.in_pipe,
                                  io_status::wants_write);
            if (!has_taken(way, put)) {
                return false;
            }
            held.in_pipe -= put.size;
        }
        return true;
    }

    bool has_taken(direction& way, const io_result& put) {
        if (is_blocked(put.status)) {
            wait(way, way.to, put.status);
        } else if (put.status != io_status::ok) {
            end_all(way.to.lost, put.cause);
        }
        return put.status == io_status::ok;
    }

    /// Octets that nobody takes keep their pipe, but never the worker's last: out of descriptors
    /// other sessions must go on.
    void keep(kept& held) {
        if (is_over() || pipes_.replenish()) {
            return;
        }
        held.in_memory.resize(held.in_pipe);
        const auto got =
            ::read(held.through.read_end.number(), held.in_memory.data(), held.in_memory.size());
        if (got != static_cast<ssize_t>(held.in_pipe)) {
            throw std::logic_error("a pipe does not give back what it holds");
        }
        held.in_memory_left = std::exchange(held.in_pipe, 0);
        pipes_.give_back(std::exchange(held.through, {}));
    }

    /// Whether the node has said nothing: it is no way to end a session that a client waits for.
    bool is_silent_node(const direction& way) const {
        return &way == &down_ && way.moved == 0 && !has_ended();
    }

    pipe_pool& pipes_;
    kept held_up_;
    kept held_down_;
};

} // namespace

awaitable<splice_result> relay(byte_stream& client, passthrough_stream& node, worker_share share,
                               splice_options options, retirement_bell& bell) {
    if (client.encrypted()) {
        throw std::logic_error("a client inside roachpin's own TLS cannot be relayed");
    }
    kernel_pumps pumps(client, node.bytes_, share, options, bell);
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
