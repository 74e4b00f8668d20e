#include "net/spare_pool.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace roachpin::net {
namespace {

/// The number under which epoll tells of `woken_`; spares have greater ones.
constexpr std::uint64_t wake_up = 0;

/// Who stood for so long was no failure, even if the node ended it then.
constexpr auto settled = std::chrono::seconds(1);

[[noreturn]] void throw_last_error(const char* what) {
    throw boost::system::system_error(errno, boost::system::system_category(), what);
}

int granted(int fd, const char* by) {
    if (fd < 0) {
        throw_last_error(by);
    }
    return fd;
}

/// Below zero where the kernel refuses.
int add(int epoll, int fd, std::uint64_t number) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    event.data.u64 = number;
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

bool same_place(const policy::candidate& a, const policy::candidate& b) {
    return a.target == b.target && a.where == b.where;
}

/// Whether the node has said nothing and is still there. It has nothing to say before a
/// StartupMessage: what it says is that it goes away. TLS of its own accord (a Go server's session
/// tickets) is taken in here and is nothing said.
bool is_silent(upstream_stream& stream) {
    std::array<std::uint8_t, 1> octet{};
    return stream.bytes().read_some(octet).status == io_status::wants_read;
}

/// From this age on another is dialled in its place: a fifth is time enough for that.
core::duration renewal_age(const spare_options& options) {
    return options.max_age - options.max_age / 5;
}

} // namespace

spare_pool::spare_pool(executor control, std::function<void(const policy::candidate&)> trouble,
                       core::event_source* told)
    : control_(control), trouble_(std::move(trouble)), told_(told),
      woken_(granted(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      epoll_fd_(granted(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      epoll_(control, epoll_fd_) {
    granted(add(epoll_fd_, woken_.number(), wake_up), "epoll_ctl");
}

void spare_pool::keep(std::vector<policy::candidate> places,
                      std::shared_ptr<const tls::upstream_context> context, spare_options options) {
    if (options.per_place == 0 || options.max_age <= core::duration::zero()) {
        places.clear();
    }
    discarded gone;
    const std::lock_guard lock(mutex_);
    const bool changed =
        context != context_ ||
        !std::equal(places.begin(), places.end(), places_.begin(), places_.end(),
                    [](const auto& wanted, const auto& one) { return same_place(wanted, one.at); });
    std::vector<place> wanted;
    for (const auto& at : places) {
        auto& made = wanted.emplace_back(at);
        if (auto* old = context == context_ ? find(at) : nullptr) {
            made.ready.splice(made.ready.end(), old->ready);
            made.dial = std::exchange(old->dial, 0);
            if (!changed) {
                made.pause = old->pause;
                made.not_before = old->not_before;
            }
        }
    }
    wanted.swap(places_);
    context_ = std::move(context);
    options_ = options;
    for (auto& one : wanted) {
        while (!one.ready.empty()) {
            remove(one.ready, one.ready.begin(), gone);
        }
    }
    for (auto& one : places_) {
        while (one.ready.size() > options_.per_place) {
            remove(one.ready, one.ready.begin(), gone);
        }
    }
    wake();
}

awaitable<void> spare_pool::run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    task_group dials(control_, [](const std::exception_ptr&) {}); // what fails fails for its place
    std::exception_ptr problem;
    try {
        co_await tend(dials);
    } catch (...) {
        problem = std::current_exception();
    }
    dials.cancel();
    co_await dials.join();
    close_all();
    if (problem) {
        std::rethrow_exception(problem);
    }
}

awaitable<void> spare_pool::tend(task_group& dials) {
    while (true) {
        auto now = look(core::clock::now());
        for (auto& one : now.dials) {
            dials.spawn(dial_one(std::move(one)));
        }
        co_await news(now.next);
        const auto told = co_await asio::this_coro::cancellation_state;
        if (told.cancelled() != asio::cancellation_type::none) {
            co_return;
        }
        hear();
    }
}

/// Waits until epoll has something to tell, or until `latest`.
awaitable<void> spare_pool::news(core::time_point latest) {
    using asio::experimental::awaitable_operators::operator||;
    timer alarm(control_, latest);
    co_await (epoll_.async_wait(asio::posix::descriptor_base::wait_read, as_result) ||
              alarm.async_wait(as_result));
}

awaitable<void> spare_pool::dial_one(order what) {
    std::optional<upstream_stream> made;
    bool place_failed = false;
    try {
        auto to = what.at;
        auto dialled =
            co_await dial(std::move(to), *what.context, what.options.keepalive,
                          core::clock::now() + what.options.dial, before_tls::ssl_request, told_);
        if (dialled) {
            made = std::move(*dialled);
        } else {
            place_failed = dialled.error().reason != out_of_resources;
        }
    } catch (const std::exception&) { // out of memory, as a rule: tried again
        if (is_cancellation(std::current_exception())) {
            throw;
        }
    }
    const bool wanted = put(what, std::move(made));
    if (place_failed && wanted) {
        trouble_(what.at);
    }
}

bool spare_pool::put(const order& what, std::optional<upstream_stream> made) {
    discarded gone;
    const std::lock_guard lock(mutex_);
    wake(); // another may be dialled
    if (made) {
        made->bytes().leave_reactor();
        gone.all.push_back({what.number, core::clock::now(), std::move(*made)});
    }
    auto* const at = find(what.at);
    if (at == nullptr || at->dial != what.number) { // or wanted with another context
        return false;
    }
    at->dial = 0;
    if (!gone.all.empty() && watch(gone.all.back())) {
        at->ready.splice(at->ready.end(), gone.all);
    } else {
        at->failed(core::clock::now());
    }
    return true;
}

spare_pool::duties spare_pool::look(core::time_point now) {
    discarded gone;
    duties found{{}, core::time_point::max()};
    const std::lock_guard lock(mutex_);
    const auto next_at = [&](core::time_point when) {
        found.next = std::min(found.next, when);
    };
    for (auto& one : places_) {
        while (!one.ready.empty() && one.ready.front().since + options_.max_age <= now) {
            one.pause.succeeded();
            remove(one.ready, one.ready.begin(), gone);
        }
        std::size_t young = 0;
        for (const auto& each : one.ready) {
            const auto renewed = each.since + renewal_age(options_);
            young += renewed > now ? 1 : 0;
            next_at(renewed > now ? renewed : each.since + options_.max_age);
        }
        if (young >= options_.per_place || one.dial != 0) {
            continue;
        }
        if (one.not_before > now) {
            next_at(one.not_before);
            continue;
        }
        one.dial = ++last_number_;
        found.dials.push_back({one.dial, one.at, context_, options_});
    }
    return found;
}

void spare_pool::hear() {
    std::array<epoll_event, 64> ready; // NOLINT(*-member-init): the kernel fills it
    const int count = ::epoll_wait(epoll_fd_, ready.data(), ready.size(), 0);
    if (count <= 0) { // or interrupted: what is ready is told by the next wait
        return;
    }
    for (const auto& one : std::span(ready).first(static_cast<std::size_t>(count))) {
        if (one.data.u64 == wake_up) {
            eventfd_t ignored = 0;
            ::eventfd_read(woken_.number(), &ignored);
        } else {
            hear(one.data.u64);
        }
    }
}

/// Something has come for that one.
void spare_pool::hear(std::uint64_t number) {
    discarded gone;
    const std::lock_guard lock(mutex_);
    for (auto& at : places_) {
        const auto one = std::find_if(at.ready.begin(), at.ready.end(),
                                      [&](const spare& each) { return each.number == number; });
        if (one != at.ready.end()) {
            if (!is_silent(one->stream)) {
                at.lost(*one, core::clock::now());
                remove(at.ready, one, gone);
            }
            return;
        }
    }
}

std::optional<upstream_stream> spare_pool::take(const policy::candidate& at,
                                                const tls::upstream_context& context,
                                                executor where) {
    std::optional<upstream_stream> taken;
    discarded gone;
    {
        const std::lock_guard lock(mutex_);
        auto* const from = context_.get() == &context ? find(at) : nullptr;
        if (from == nullptr || from->ready.empty()) {
            return std::nullopt;
        }
        const auto now = core::clock::now();
        while (!taken && !from->ready.empty()) {
            remove(from->ready, from->ready.begin(), gone);
            auto& one = gone.all.back();
            if (one.since + options_.max_age <= now) {
                continue; // overslept
            }
            if (is_silent(one.stream)) {
                from->pause.succeeded();
                taken = std::move(one.stream);
                gone.all.pop_back();
            } else {
                from->lost(one, now);
            }
        }
    }
    wake();
    if (taken) {
        taken->bytes().move_to(where);
    }
    return taken;
}

std::size_t spare_pool::kept_at(const core::host_name& host, const core::endpoint& where) const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& one : places_) {
        if (one.at.where == where && one.at.target->host == host) {
            count += one.ready.size();
        }
    }
    return count;
}

std::size_t spare_pool::kept() const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& one : places_) {
        count += one.ready.size();
    }
    return count;
}

void spare_pool::close_all() {
    discarded gone;
    const std::lock_guard lock(mutex_);
    for (auto& one : places_) {
        one.dial = 0;
        while (!one.ready.empty()) {
            remove(one.ready, one.ready.begin(), gone);
        }
    }
}

void spare_pool::wake() const {
    ::eventfd_write(woken_.number(), 1);
}

spare_pool::place* spare_pool::find(const policy::candidate& at) {
    const auto found = std::find_if(places_.begin(), places_.end(),
                                    [&](const place& one) { return same_place(one.at, at); });
    return found == places_.end() ? nullptr : &*found;
}

/// False where the kernel refuses, or where the node has left already.
bool spare_pool::watch(spare& one) const {
    return is_silent(one.stream) && add(epoll_fd_, one.stream.bytes().fd(), one.number) == 0;
}

void spare_pool::remove(spares& from, spares::iterator one, discarded& into) const {
    ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, one->stream.bytes().fd(), nullptr);
    into.all.splice(into.all.end(), from, one);
}

spare_pool::discarded::~discarded() {
    for (auto& one : all) {
        one.stream.bytes().close_sending();
    }
}

void spare_pool::place::failed(core::time_point now) {
    if (not_before <= now) { // not once more for what failed with it
        not_before = now + pause.failed();
    }
}

/// The node has ended it. One that ends all at once would be dialled without pause, were that no
/// failure.
void spare_pool::place::lost(const spare& one, core::time_point now) {
    if (now - one.since >= settled) {
        pause.succeeded();
    }
    failed(now);
}

} // namespace roachpin::net
