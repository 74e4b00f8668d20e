#pragma once

#include "net/asio.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <cstdint>
#include <functional>

namespace roachpin::net {

/// Says when spliced sockets can be read or written. Asio's own wait asks the kernel anew each time
/// (one epoll_ctl(2) a wait, a seventh of a transaction's system calls); here a socket is
/// registered once, and a wait is an assignment. It is an epoll instance within Asio's own, so
/// that timers, signals and these sockets are served by one thread in turn.
///
/// For one thread, the one that runs `where`.
class poller {
public:
    class watch;

    /// Throws boost::system::system_error where the kernel grants no epoll instance.
    explicit poller(executor where);
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;
    /// No watch may be left.
    ~poller() = default;

    /// Lets the event loop come to its end: until then this is work for it.
    void stop();

private:
    void wait();
    void tell_who_is_ready();

    asio::posix::basic_stream_descriptor<executor> epoll_;
    bool stopped_ = false;
};

/// One socket's place in a `poller`, as long as it lives.
class poller::watch {
public:
    using events = std::uint32_t; ///< EPOLLIN, EPOLLOUT or both; see epoll_ctl(2)

    /// `fd` must be in no other hands: see `byte_stream::leave_reactor`. `on_ready` runs on the
    /// event loop with those wanted events that came; an error or a hang-up comes as all of them,
    /// reading or writing tells which. It may neither throw nor destroy a watch.
    watch(poller& in, int fd, std::function<void(events)> on_ready);
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;
    ~watch();

    /// What to tell of from now on, however long it has been so. Throws boost::system::system_error
    /// where the kernel refuses (no memory, fs.epoll.max_user_watches).
    void want(events wanted);

private:
    friend class poller;

    void tell(events came);
    void ask_kernel(events wanted);

    int epoll_;
    int fd_;
    std::function<void(events)> on_ready_;
    events wanted_ = 0;
    events asked_ =
        0; ///< what the kernel has been asked for: nothing is, when it is not registered
};

} // namespace roachpin::net
