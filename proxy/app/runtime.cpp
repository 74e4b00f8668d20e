#include "app/runtime.hpp"

#include "app/descriptor_budget.hpp"
#include "app/exit_code.hpp"
#include "app/version.hpp"
#include "net/internal_error.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <random>

namespace roachpin::app {
namespace {

using net::as_result;
using net::use_awaitable;

using signals = net::asio::basic_signal_set<net::executor>;

constexpr mode_t control_mode = 0600;

/// Sessions are bounded by limits.max_connections, which a reload may raise up to this.
constexpr std::size_t most_cancel_keys = 1'000'000;

/// A Prometheus or two, a probe, some browsers.
constexpr std::size_t most_admin_connections = 32;

/// How often the workers are asked for a sign of life, where the service manager does not say.
constexpr auto life_interval = std::chrono::seconds(5);

} // namespace

runtime::runtime(configuration_source source, prepared from, core::event_source& events,
                 witnesses seen, std::function<void(const settings::log&)> log_changed)
    : source_(std::move(source)), events_(events), seen_(seen),
      log_changed_(std::move(log_changed)),
      now_(std::make_unique<generation>(control_.get_executor(), source_, std::move(from), events)),
      started_with_(now_->configuration()),
      plan_(now_->plan_with(policy::cluster({}, {}, "no node was looked at yet"))),
      connections_(now_->configuration().limits.max_connections),
      places_(control_.get_executor(), now_->configuration().limits.max_opening),
      cancels_(most_cancel_keys), spares_(
                                      control_.get_executor(),
                                      [this](const policy::candidate& one) {
                                          now_->discovery().doubt(one.target->host, one.where);
                                      },
                                      &events),
      plane_{plan_, events_, connections_, cancels_, &spares_},
      listeners_(control_.get_executor(), workers_, places_, events_),
      serving_(control_.get_executor(), net::internal_errors_to(events)),
      keeping_(control_.get_executor(), net::internal_errors_to(events)),
      reload_wanted_(control_.get_executor(), net::timer::time_point::max()),
      stop_wanted_(control_.get_executor(), net::timer::time_point::max()),
      ready_anywhere_(now_->readiness_hold()), ready_everywhere_(now_->readiness_hold()) {
    // Proxies that all begin with the same node would load that one alone.
    plane_.turn = std::random_device{}();
    plane_.trouble = [this](net::place_trouble trouble) {
        net::asio::post(control_, [this, trouble = std::move(trouble)] { note_trouble(trouble); });
    };
}

void runtime::go_on() {
    now_->go_on([this](std::vector<policy::member> members) { publish(std::move(members)); },
                [this] { want_reload("a file changed"); });
}

void runtime::publish(std::vector<policy::member> members) {
    note_readiness(core::clock::now());
    auto trouble = now_->trouble();
    std::string waiting;
    proved_once_ = proved_once_ || now_->is_any_proved();
    if (!proved_once_) {
        waiting = "no node has proved itself yet" + (trouble.empty() ? "" : "\n" + trouble);
        if (waiting != plan_.current()->cluster.waiting()) {
            events_.emit(core::events::waiting_for_nodes{waiting});
        }
    }
    policy::cluster cluster(std::move(members), now_->configuration().balance, std::move(waiting),
                            std::move(trouble));
    auto ready =
        proved_once_ && !plane_.draining ? cluster.preferred() : std::vector<policy::candidate>{};
    spares_.keep(std::move(ready), now_->upstream(), now_->spares());
    plan_.replace(now_->plan_with(std::move(cluster)));
}

void runtime::note_trouble(const net::place_trouble& trouble) {
    auto& discovery = now_->discovery();
    if (trouble.why.sqlstate.empty()) {
        discovery.doubt(trouble.host, trouble.where);
    } else {
        discovery.note_refusal(trouble.host, trouble.where, trouble.why.sqlstate,
                               trouble.why.detail);
    }
}

std::vector<std::string> runtime::look_around() {
    if (now_->configuration().start == settings::start_mode::wait) {
        return {};
    }
    net::first_look seen;
    std::exception_ptr problem;
    net::asio::co_spawn(control_, now_->look(),
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
    if (const auto room = make_room(needs_of(now_->configuration())); !room) {
        return {room.error().sentence};
    }
    const auto& admin = now_->configuration().admin;
    if (admin.bind) {
        // Not shared: who asks how this process is would be answered by another one.
        auto socket = net::listening_socket::open(*admin.bind, {}, false);
        if (!socket) {
            return {admin.bind_where + ": " + socket.error().sentence +
                    "; beside another roachpin: --admin 127.0.0.1:0, or none: "
                    "admin: {bind: ~}"};
        }
        admin_socket_.emplace(std::move(*socket));
    }
    if (const auto& control = admin.control) {
        auto socket = net::listening_socket::open(*control, control_mode);
        if (!socket) {
            return {admin.control_where + ": " + socket.error().sentence};
        }
        control_socket_.emplace(std::move(*socket));
    }
    std::vector<net::listening_socket> inherited;
    for (auto& one : manager_.take_sockets()) {
        auto socket = net::listening_socket::inherit(std::move(one));
        if (!socket) {
            return {socket.error().sentence};
        }
        inherited.push_back(std::move(*socket));
    }
    listeners_.inherit(std::move(inherited));
    auto staged = listeners_.stage(now_->take_listeners());
    if (!staged) {
        return staged.error();
    }
    staged_.emplace(std::move(*staged));
    return {};
}

void runtime::run() {
    std::exception_ptr problem;
    net::asio::co_spawn(control_, serve(),
                        [&](const std::exception_ptr& thrown) { problem = thrown; });
    control_.run();
    if (problem) {
        std::rethrow_exception(problem);
    }
}

void runtime::start() {
    go_on();
    keeping_.spawn(spares_.run());
    for (unsigned i = 0; i < worker_count(now_->configuration()); ++i) {
        workers_.push_back(std::make_unique<net::worker>(plane_));
    }
    serving_.spawn(keep_reloading());
    serving_.spawn(reload_on_hangup());
    if (control_socket_) {
        keeping_.spawn(telemetry::serve_control(control_socket_->fd(), control_handlers()));
    }
    if (admin_socket_) {
        const auto& bind = std::get<core::endpoint>(admin_socket_->bound());
        auto pages = telemetry::admin_pages(admin_source(), bind.address.is_loopback());
        keeping_.spawn(telemetry::serve_http(admin_socket_->fd(), std::move(pages),
                                             {.most_connections = most_admin_connections}));
        keeping_.spawn(keep_looking_at_itself());
        events_.emit(core::events::admin_listening{bind.to_string()});
    }
    keeping_.spawn(keep_alive());
}

net::awaitable<void> runtime::serve() {
    signals asked(control_.get_executor(), SIGTERM, SIGINT);
    start();
    co_await listeners_.commit(std::move(*std::exchange(staged_, std::nullopt)));
    note_subjects();
    events_.emit(
        core::events::started{version(), static_cast<unsigned>(workers_.size()), libraries()});
    manager_.ready();
    asked.async_wait([&](const net::error_code& cancelled, int) {
        if (cancelled) {
            return;
        }
        want_stop(false);
        asked.async_wait([](const net::error_code& failed_, int) {
            if (!failed_) { // the second one: whoever sent it does not want to wait
                std::_Exit(failed);
            }
        });
    });
    while (!stopping_) {
        co_await stop_wanted_.async_wait(as_result);
    }
    co_await drain();
}

void runtime::want_stop(bool at_once) {
    stopping_ = true;
    stop_at_once_ = stop_at_once_ || at_once;
    stop_wanted_.cancel(); // whoever waits, for the word or for drain.delay
}

std::map<std::string, telemetry::control_handler> runtime::control_handlers() {
    return {{"/reload",
             [this] {
                 if (stopping_) {
                     return telemetry::http_answer{409, "roachpin is draining\n"};
                 }
                 want_reload("POST /reload");
                 return telemetry::http_answer{
                     202, "reloading; the log says how it ends (reloaded, reload_failed)\n"};
             }},
            {"/drain",
             [this] {
                 want_stop(false);
                 return telemetry::http_answer{202, "draining\n"};
             }},
            {"/quitquitquit", [this] {
                 want_stop(true);
                 return telemetry::http_answer{202, "draining, without drain.delay\n"};
             }}};
}

/// A sign of life is worth something where every thread gives it.
net::awaitable<void> runtime::keep_alive() {
    const auto asked_for = manager_.watchdog_interval();
    const auto interval =
        std::min<core::duration>(asked_for.value_or(life_interval), life_interval);
    net::timer next(control_.get_executor());
    alive_at_ = core::clock::now();
    while (true) {
        if (workers_end_) {
            manager_.alive();
        } else if (silent_workers_ == 0) {
            alive_at_ = core::clock::now();
            manager_.alive();
            silent_workers_ = workers_.size();
            for (const auto& one : workers_) {
                one->ping([this] { net::asio::post(control_, [this] { --silent_workers_; }); });
            }
        }
        next.expires_after(interval);
        co_await next.async_wait(use_awaitable);
    }
}

net::awaitable<void> runtime::drain() {
    const auto asked = now_->configuration().drain;
    events_.emit(core::events::draining{connections_.taken(), asked.delay, asked.timeout});
    manager_.stopping();
    serving_.cancel();
    co_await serving_.join();
    const auto rules = now_->configuration().drain; // a reload may have come to its end
    stop_wanted_.expires_after(rules.delay);
    while (!stop_at_once_ && stop_wanted_.expiry() > core::clock::now()) {
        co_await stop_wanted_.async_wait(as_result);
    }
    // After a delay somebody else listens here, and a service manager that handed the sockets down
    // goes on listening: whoever was accepted before is given a session and notices nothing.
    // Otherwise it is told at once.
    const bool others_listen = rules.delay.count() > 0 || listeners_.are_inherited();
    plane_.draining = stop_at_once_ || !others_listen;
    co_await listeners_.close();
    const auto cancelled = co_await stop_workers();
    keeping_.cancel();
    co_await keeping_.join();
    co_await now_->stop();
    events_.emit(core::events::drained{cancelled});
}

/// How many sessions were left at the deadline.
net::awaitable<std::size_t> runtime::stop_workers() {
    workers_end_ = true;
    std::size_t running = workers_.size();
    std::size_t cancelled = 0;
    net::timer all_stopped(control_.get_executor(), net::timer::time_point::max());
    const auto deadline = core::clock::now() + now_->configuration().drain.timeout;
    for (const auto& one : workers_) {
        one->retire_all(net::draining_order());
        one->stop(deadline, [&](std::size_t left) {
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
    co_return cancelled;
}

} // namespace roachpin::app
