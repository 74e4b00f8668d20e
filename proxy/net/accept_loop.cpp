#include "net/accept_loop.hpp"

#include "net/client_errors.hpp"
#include "net/socket_address.hpp"
#include "policy/backoff.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sys/socket.h>

namespace roachpin::net {
namespace {

using namespace std::chrono_literals;

using watched_descriptor = asio::posix::basic_stream_descriptor<executor>;

/// Lets go of a descriptor that somebody else owns.
struct borrowed {
    watched_descriptor& watched;

    ~borrowed() { watched.release(); }
};

std::optional<ucred> credentials_of(const descriptor& socket) {
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(socket.number(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return std::nullopt;
    }
    return peer;
}

accepted_descriptor describe(descriptor socket, const socket_address& peer,
                             opening_places::place place) {
    accepted_descriptor client;
    client.family = peer.data()->sa_family;
    if (client.family == AF_UNIX) {
        if (const auto credentials = credentials_of(socket)) {
            client.identity.uid = credentials->uid;
            client.peer = "uid:" + std::to_string(credentials->uid) +
                          " pid:" + std::to_string(credentials->pid);
        }
    } else {
        const auto from = to_endpoint(peer);
        client.identity.address = from.address;
        client.peer = from.to_string();
    }
    client.socket = std::move(socket);
    client.opening = std::move(place);
    return client;
}

worker& least_loaded(const std::vector<std::unique_ptr<worker>>& workers) {
    return **std::min_element(workers.begin(), workers.end(),
                              [](const auto& a, const auto& b) { return a->load() < b->load(); });
}

/// The connection is gone, or there is none after all: nothing of ours is at fault (accept(2)).
bool is_the_peers(int error) {
    return error == EAGAIN || error == EINTR || error == ECONNABORTED || error == EPROTO ||
           error == ENETDOWN || error == EHOSTDOWN || error == ENETUNREACH ||
           error == EHOSTUNREACH || error == EPERM;
}

/// Gives the connection to a worker, or turns it away.
void hand_over(accepted_descriptor client, const std::shared_ptr<listener>& by,
               const std::vector<std::unique_ptr<worker>>& workers, const opening_places& places,
               core::event_source& events) {
    const auto refused = policy::refuse_peer(by->rules()->admission, client.identity);
    if (refused && places.is_crowded()) {
        events.emit(to_event({.client = client.peer, .listener = by->name()},
                             not_admitted(*refused), false));
        return;
    }
    least_loaded(workers).serve(by, std::move(client));
}

/// What accept(2) came to.
struct accepted {
    bool somebody = false;
    std::optional<std::string> problem{}; ///< that is not the peer's
};

accepted accept_one(const listening_socket& socket, const std::shared_ptr<listener>& by,
                    const std::vector<std::unique_ptr<worker>>& workers,
                    opening_places::place place, const opening_places& places,
                    core::event_source& events) {
    try {
        socket_address peer;
        auto size = static_cast<socklen_t>(peer.capacity());
        descriptor client(::accept4(socket.fd(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (client) {
            hand_over(describe(std::move(client), peer, std::move(place)), by, workers, places,
                      events);
            return {true};
        }
        return is_the_peers(errno) ? accepted{errno != EAGAIN}
                                   : accepted{false, core::system_error("accept").sentence};
    } catch (const std::exception& problem) { // out of memory, as a rule
        return {false, problem.what()};
    }
}

awaitable<void> pause(core::duration time) {
    timer alarm(co_await asio::this_coro::executor, time);
    co_await alarm.async_wait(use_awaitable);
}

} // namespace

awaitable<void> accept_connections(const listening_socket& socket, std::shared_ptr<listener> by,
                                   const std::vector<std::unique_ptr<worker>>& workers,
                                   opening_places& places, core::event_source& events) {
    watched_descriptor watched(co_await asio::this_coro::executor, socket.fd());
    const borrowed until_return{watched};
    policy::backoff backoff(5ms, 1s);
    while (true) {
        co_await watched.async_wait(watched_descriptor::wait_read, use_awaitable);
        auto place = co_await places.reserve();
        const auto done = accept_one(socket, by, workers, std::move(place), places, events);
        if (!done.problem) {
            backoff.succeeded();
            continue;
        }
        const auto wait = backoff.failed();
        events.emit(core::events::accept_failed{by->name(), *done.problem, wait});
        co_await pause(wait);
    }
}

awaitable<void> accept_rest(const listening_socket& socket, std::shared_ptr<listener> by,
                            const std::vector<std::unique_ptr<worker>>& workers,
                            opening_places& places, core::event_source& events) {
    accepted done{true};
    while (done.somebody) {
        auto place = co_await places.reserve();
        done = accept_one(socket, by, workers, std::move(place), places, events);
    }
}

} // namespace roachpin::net
