#include "net/worker.hpp"

#include "net/deadline.hpp"
#include "net/internal_error.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace roachpin::net {
namespace {

awaitable<bool> all_ended(task_group& tasks) {
    co_await tasks.join();
    co_return true;
}

} // namespace

worker::worker(data_plane& plane)
    : plane_(plane),
      // One thread runs this loop and only posts come from others: the reactor needs no lock.
      context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO), sockets_(context_.get_executor()),
      scratch_(scratch_size), sessions_(context_.get_executor(), internal_errors_to(plane.events)),
      thread_([this] { context_.run(); }) {}

worker::~worker() {
    if (thread_.joinable()) {
        stop(core::clock::now(), [](std::size_t) {});
        join();
    }
}

void worker::serve(std::shared_ptr<listener> by, accepted_descriptor client) {
    load_.fetch_add(1, std::memory_order_relaxed);
    auto begin = [this, by = std::move(by), client = std::move(client),
                  load = load_token(load_)]() mutable {
        if (stopping_) {
            return;
        }
        try {
            const asio::generic::stream_protocol protocol(client.family, 0);
            stream_socket socket(context_.get_executor());
            socket.assign(protocol, client.socket.number());
            client.socket.release();
            sessions_.spawn(run_session(plane_, by, {scratch_, sockets_, live_, pipes_, passed_},
                                        {std::move(socket), client.identity, std::move(client.peer),
                                         std::move(client.opening), std::move(load)}));
        } catch (
            const std::exception& problem) { // out of memory or of epoll watches: this one ends
            plane_.events.emit(core::events::internal_error{
                {.client = client.peer, .listener = by->name()}, problem.what()});
        }
    };
    asio::post(context_, std::move(begin));
}

void worker::retire_all(retirement order) {
    asio::post(context_, [this, order = std::move(order)] { live_.retire_all(order); });
}

void worker::review(std::function<session_judge()> make_judge,
                    std::function<void(std::size_t)> done) {
    asio::post(context_, [this, make_judge = std::move(make_judge), done = std::move(done)] {
        const auto judge = make_judge();
        std::size_t retiring = 0;
        live_.for_each([&](live_session& one) {
            if (auto order = judge(one)) {
                one.bell.ring(std::move(*order));
                ++retiring;
            }
        });
        done(retiring);
    });
}

void worker::ping(std::function<void()> here) {
    asio::post(context_, std::move(here));
}

void worker::stop(core::time_point deadline, std::function<void(std::size_t)> stopped) {
    asio::post(context_, [this, deadline, stopped = std::move(stopped)]() mutable {
        stopping_ = true;
        asio::co_spawn(context_, end_sessions(deadline, std::move(stopped)),
                       [this](const std::exception_ptr&) { sockets_.stop(); });
    });
}

awaitable<void> worker::end_sessions(core::time_point deadline,
                                     std::function<void(std::size_t)> stopped) {
    std::size_t left = 0;
    const auto all_left = co_await with_deadline(all_ended(sessions_), deadline);
    if (!all_left) {
        left = sessions_.size();
        sessions_.cancel();
        co_await sessions_.join();
    }
    stopped(left);
}

} // namespace roachpin::net
