#include "app/runtime.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>

#include <csignal>
#include <exception>
#include <utility>

/// The runtime's reload: everything is read and made anew beside what is running, has its nodes
/// prove themselves, and takes over only when it is whole. While roachpin drains there is none.
namespace roachpin::app {
namespace {

using net::as_result;
using net::use_awaitable;

std::string joined(const problems& sentences) {
    std::string text;
    for (const auto& one : sentences) {
        text += (text.empty() ? "" : "\n") + one;
    }
    return text;
}

} // namespace

void runtime::want_reload(std::string why) {
    reload_why_ = std::move(why);
    reload_wanted_.cancel();
}

net::awaitable<void> runtime::reload_on_hangup() {
    net::asio::basic_signal_set<net::executor> hangups(control_.get_executor(), SIGHUP);
    while (true) {
        co_await hangups.async_wait(use_awaitable);
        want_reload("SIGHUP");
    }
}

/// One at a time; what is wanted while one is under way is one more.
net::awaitable<void> runtime::keep_reloading() {
    while (true) {
        while (reload_why_.empty()) {
            co_await reload_wanted_.async_wait(as_result);
        }
        auto why = std::exchange(reload_why_, {});
        co_await reload(std::move(why));
    }
}

net::awaitable<void> runtime::reload(std::string why) {
    manager_.reloading();
    problems failures;
    std::exception_ptr thrown;
    try {
        failures = co_await try_reload(why);
    } catch (const std::exception& problem) {
        thrown = std::current_exception();
        failures = {problem.what()};
    }
    if (thrown && net::is_cancellation(thrown)) {
        std::rethrow_exception(thrown);
    }
    last_reload_ = {std::chrono::system_clock::now(), failures.empty(), why, joined(failures)};
    if (failures.empty()) {
        configured_at_ = last_reload_.at;
    } else {
        events_.emit(core::events::reload_failed{why, joined(failures)});
    }
    manager_.ready();
}

/// Why the old configuration stays in force, if so.
net::awaitable<problems> runtime::try_reload(const std::string& why) {
    auto loaded = load(source_, lock_use::keep_to, listeners_.certificates());
    if (!loaded) {
        co_return loaded.error();
    }
    const auto room = make_room(needs_of(loaded->configuration));
    if (!room) {
        co_return problems(1, room.error().sentence);
    }
    auto restart = needs_restart(started_with_, loaded->configuration);
    auto next =
        std::make_unique<generation>(control_.get_executor(), source_, std::move(*loaded), events_);
    next->learn_from(*now_);
    const auto seen = co_await next->look();
    const auto told = co_await net::asio::this_coro::cancellation_state;
    if (told.cancelled() != net::asio::cancellation_type::none) { // it saw nothing to go by
        throw boost::system::system_error(net::asio::error::operation_aborted);
    }
    if (!seen.usable && now_->is_any_proved()) {
        problems reasons(1, "no node can be used with it, and some can without; to apply it all "
                            "the same, restart roachpin");
        reasons.insert(reasons.end(), seen.surprises.begin(), seen.surprises.end());
        reasons.insert(reasons.end(), seen.failures.begin(), seen.failures.end());
        co_return reasons;
    }
    auto staged = listeners_.stage(next->take_listeners());
    if (!staged) {
        co_return staged.error();
    }
    // From here on nothing is left half done, not even where a drain begins.
    co_await net::asio::this_coro::throw_if_cancelled(false);
    co_await take_over(std::move(next), std::move(*staged));
    const auto retiring = co_await review_sessions();
    events_.emit(core::events::reloaded{why, std::move(restart), retiring});
    co_await net::asio::this_coro::throw_if_cancelled(true);
    co_return problems{};
}

net::awaitable<void> runtime::take_over(std::unique_ptr<generation> next,
                                        listeners::staged staged) {
    co_await now_->stop();
    const auto before = std::exchange(now_, std::move(next));
    const auto& configuration = now_->configuration();
    connections_.set_limit(configuration.limits.max_connections);
    places_.set_limit(configuration.limits.max_opening);
    log_changed_(configuration.log);
    ready_anywhere_.set_hold(now_->readiness_hold());
    ready_everywhere_.set_hold(now_->readiness_hold());
    go_on();
    co_await listeners_.commit(std::move(staged));
    note_subjects();
}

/// How many live sessions would not be let in any more: they are retired.
net::awaitable<std::size_t> runtime::review_sessions() {
    const auto rules = now_->review_until(core::clock::now() + now_->configuration().drain.timeout);
    const auto make_judge = [rules] {
        return net::judge_by(rules);
    };
    std::size_t retiring = 0;
    std::size_t busy = workers_.size();
    net::timer done(control_.get_executor(), net::timer::time_point::max());
    const auto note = [&](std::size_t count) {
        net::asio::post(control_, [&, count] {
            retiring += count;
            if (--busy == 0) {
                done.cancel();
            }
        });
    };
    for (const auto& one : workers_) {
        one->review(make_judge, note);
    }
    while (busy > 0) {
        co_await done.async_wait(as_result);
    }
    co_return retiring;
}

} // namespace roachpin::app
