#include "net/poller.hpp"

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
#include <span>
#include <sys/epoll.h>

namespace roachpin::net {
namespace {

/// While sockets were served others have become ready: looking again costs less than a wait does.
/// Bounded, since the event loop has other work.
constexpr int looks_at_most = 4;

[[noreturn]] void throw_last_error(const char* what) {
    throw boost::system::system_error(errno, boost::system::system_category(), what);
}

int new_epoll() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        throw_last_error("epoll_create1");
    }
    return fd;
}

} // namespace

poller::poller(executor where) : epoll_(where, new_epoll()) {
    wait();
}

void poller::stop() {
    stopped_ = true; // a wait that has ended already is not cancelled by what follows
    epoll_.cancel();
}

void poller::wait() {
    epoll_.async_wait(asio::posix::descriptor_base::wait_read, [this](const error_code&) {
        if (!stopped_) {
            tell_who_is_ready();
            wait();
        }
    });
}

void poller::tell_who_is_ready() {
    std::array<epoll_event, 64> ready; // NOLINT(*-member-init): the kernel fills it
    for (int look = 0; look < looks_at_most; ++look) {
        const int count = ::epoll_wait(epoll_.native_handle(), ready.data(), ready.size(), 0);
        if (count <= 0) { // or interrupted: what is ready is seen by the next wait
            break;
        }
        for (const auto& one : std::span(ready).first(static_cast<std::size_t>(count))) {
            static_cast<watch*>(one.data.ptr)->tell(one.events);
        }
    }
}

poller::watch::watch(poller& in, int fd, std::function<void(events)> on_ready)
    : epoll_(in.epoll_.native_handle()), fd_(fd), on_ready_(std::move(on_ready)) {}

poller::watch::~watch() {
    if (asked_ != 0) {
        ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd_, nullptr);
    }
}

void poller::watch::want(events wanted) {
    wanted_ = wanted;
    // What is asked for beyond it is taken back when it comes: mostly it is wanted again before.
    if ((wanted & ~asked_) != 0) {
        ask_kernel(wanted);
    }
}

void poller::watch::tell(events came) {
    if ((came & (EPOLLERR | EPOLLHUP)) != 0) {
        came |= EPOLLIN | EPOLLOUT;
    }
    if ((came & wanted_) != 0) {
        on_ready_(came & wanted_);
    } else {
        ask_kernel(wanted_);
    }
}

void poller::watch::ask_kernel(events wanted) {
    epoll_event event{wanted, {this}};
    // Not registered at all when nothing is wanted: errors and hang-ups would be told regardless.
    const int change = asked_ == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    if (::epoll_ctl(epoll_, change, fd_, &event) != 0) {
        throw_last_error("epoll_ctl");
    }
    asked_ = wanted;
}

} // namespace roachpin::net
