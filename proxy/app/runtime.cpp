#include "app/runtime.hpp"

#include "app/exit_code.hpp"
#include "app/version.hpp"
#include "app/write_file.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace roachpin::app {
namespace {

using net::as_result;
using net::use_awaitable;

net::session_timeouts to_session_timeouts(const settings::timeouts& from) {
    return {from.client_opening, from.dial, from.establish, {from.idle, from.half_close}};
}

net::keepalive_options to_keepalive(const settings::keepalive& from) {
    return {from.idle, from.interval, static_cast<int>(from.count), from.user_timeout};
}

unsigned to_worker_count(unsigned configured) {
    return configured > 0 ? configured : std::max(1U, std::thread::hardware_concurrency());
}

std::function<void(std::exception_ptr)> reporter_of(core::event_source& events) {
    return [&events](const std::exception_ptr& thrown) {
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& problem) {
            events.emit(core::events::internal_error{{}, problem.what()});
        }
    };
}

/// What a client may expect of a listener's TLS.
std::string offer_of(const net::listener_rules& listener) {
    if (!listener.tls) {
        return "none";
    }
    return listener.admission.tls_required ? "required" : "offered";
}

} // namespace

runtime::runtime(const settings::configuration& configuration, parts made,
                 core::event_source& events)
    : parts_(std::move(made)), events_(events), drain_timeout_(configuration.drain.timeout),
      worker_count_(to_worker_count(configuration.workers)),
      may_wait_(configuration.start == settings::start_mode::wait),
      cluster_(policy::cluster({}, "no node was looked at yet")),
      connections_(configuration.limits.max_connections),
      places_(control_.get_executor(), configuration.limits.max_opening),
      plane_{cluster_,
             parts_.upstream,
             events_,
             to_session_timeouts(configuration.timeouts),
             to_keepalive(configuration.keepalive),
             connections_},
      accepting_(control_.get_executor(), reporter_of(events)),
      looking_(control_.get_executor(), reporter_of(events)) {
    plane_.trouble = [this](const core::host_name& host, const core::endpoint& where) {
        net::asio::post(control_, [this, host, where] { discovery_->doubt(host, where); });
    };
    if (parts_.resolver && !parts_.names.empty()) {
        resolver_ = std::make_unique<net::resolver>(control_.get_executor(),
                                                    std::move(*parts_.resolver), events_);
    }
    discovery_ = std::make_unique<net::discovery>(
        control_.get_executor(),
        net::discovery_options{std::move(parts_.nodes), std::move(parts_.names),
                               configuration.timeouts.dial},
        resolver_.get(), parts_.upstream, events_,
        [this](std::vector<policy::node> in_rotation) { publish(std::move(in_rotation)); });
}

void runtime::publish(std::vector<policy::node> in_rotation) {
    std::string trouble;
    for (const auto& failure : discovery_ ? discovery_->failures() : problems{}) {
        trouble += (trouble.empty() ? "" : "\n") + failure;
    }
    std::string waiting;
    proved_once_ = proved_once_ || (discovery_ && discovery_->is_any_proved());
    if (!proved_once_) {
        waiting = "no node has proved itself yet" + (trouble.empty() ? "" : "\n" + trouble);
        if (discovery_ && waiting != cluster_.current()->waiting()) {
            events_.emit(core::events::waiting_for_nodes{waiting});
        }
    }
    cluster_.replace(
        policy::cluster(std::move(in_rotation), std::move(waiting), std::move(trouble)));
}

std::vector<std::string> runtime::look_around() {
    if (may_wait_) {
        return {};
    }
    net::first_look seen;
    std::exception_ptr problem;
    net::asio::co_spawn(control_, discovery_->look(),
                        [&](const std::exception_ptr& thrown, net::first_look result) {
                            problem = thrown;
                            seen = std::move(result);
                        });
    control_.run();
    control_.restart();
    if (problem) {
        std::rethrow_exception(problem);
    }
    if (!seen.surprises.empty()) {
        return seen.surprises;
    }
    if (!seen.usable && seen.failures.empty()) {
        return {"no node has an address that may be used"};
    }
    if (!seen.usable) {
        return seen.failures;
    }
    return {};
}

std::vector<std::string> runtime::open_listeners() {
    std::vector<std::string> failures;
    for (auto& one : parts_.listeners) {
        auto socket = net::listening_socket::open(one.bind, one.unix_mode);
        if (!socket) {
            failures.push_back(one.where + ".bind: " + socket.error().sentence);
            continue;
        }
        listeners_.emplace_back(
            new net::listener_rules{core::to_string(socket->bound()), std::move(one.admission),
                                    std::move(one.tls), net::slot_counter(one.max_connections)});
        sockets_.push_back(std::move(*socket));
    }
    return failures.empty() ? export_certificates() : failures;
}

std::vector<std::string> runtime::export_certificates() const {
    std::vector<std::string> failures;
    for (const auto& one : parts_.listeners) {
        if (one.export_file) {
            if (auto failed = write_file(one.export_file->path, one.exported)) {
                failures.push_back(one.export_file->where + ": " + failed->sentence);
            }
        }
    }
    return failures;
}

void runtime::run() {
    std::exception_ptr problem;
    net::asio::co_spawn(control_, serve_until_signal(),
                        [&](const std::exception_ptr& thrown) { problem = thrown; });
    control_.run();
    if (problem) {
        std::rethrow_exception(problem);
    }
}

void runtime::start() {
    discovery_->keep_looking(looking_);
    looking_.spawn(look_again_on_hangup());
    for (unsigned i = 0; i < worker_count_; ++i) {
        workers_.push_back(std::make_unique<net::worker>(plane_));
    }
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
        accepting_.spawn(
            net::accept_connections(sockets_[i], *listeners_[i], workers_, places_, events_));
        if (parts_.listeners[i].made_certificate) {
            const auto& file = parts_.listeners[i].export_file;
            events_.emit(core::events::local_certificate_made{
                listeners_[i]->name, file ? file->path.string() : std::string()});
        }
        events_.emit(core::events::listening{listeners_[i]->name, offer_of(*listeners_[i])});
    }
    events_.emit(core::events::started{version(), worker_count_, libraries()});
}

net::awaitable<void> runtime::serve_until_signal() {
    net::asio::basic_signal_set<net::executor> signals(control_.get_executor(), SIGTERM, SIGINT);
    start();
    co_await signals.async_wait(use_awaitable);
    signals.async_wait([](const net::error_code& cancelled, int) {
        if (!cancelled) { // the second one: whoever sent it does not want to wait
            std::_Exit(failed);
        }
    });
    co_await drain();
}

net::awaitable<void> runtime::look_again_on_hangup() {
    net::asio::basic_signal_set<net::executor> hangups(control_.get_executor(), SIGHUP);
    while (true) {
        co_await hangups.async_wait(use_awaitable);
        discovery_->look_again();
    }
}

net::awaitable<void> runtime::drain() {
    events_.emit(core::events::draining{connections_.taken(), drain_timeout_});
    plane_.draining = true;
    accepting_.cancel();
    co_await accepting_.join();
    sockets_.clear();

    std::size_t running = workers_.size();
    std::size_t cancelled = 0;
    net::timer all_stopped(control_.get_executor(), net::timer::time_point::max());
    for (const auto& one : workers_) {
        one->stop(core::clock::now() + drain_timeout_, [&](std::size_t left) {
            net::asio::post(control_, [&, left] {
                cancelled += left;
                if (--running == 0) {
                    all_stopped.cancel();
                }
            });
        });
    }
    while (running > 0) {
        co_await all_stopped.async_wait(as_result);
    }
    for (const auto& one : workers_) {
        one->join();
    }
    looking_.cancel();
    co_await looking_.join();
    events_.emit(core::events::drained{cancelled});
}

} // namespace roachpin::app
