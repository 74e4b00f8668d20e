#include "net/tcp_options.hpp"

#include <algorithm>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace roachpin::net {
namespace {

void set(int fd, int level, int option, int value) {
    static_cast<void>(::setsockopt(fd, level, option, &value, sizeof(value)));
}

/// Linux lets TCP_USER_TIMEOUT decide over keepalive, too (tcp(7)): one that is shorter than all
/// probes take ends an idle connection at its first lost probe, whatever the count is.
core::duration user_timeout(const keepalive_options& options) {
    return options.user_timeout.count() == 0
               ? options.user_timeout
               : std::max(options.user_timeout, options.idle + options.interval * options.count);
}

int seconds(core::duration time) {
    return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

} // namespace

void set_tcp_options(int fd, const keepalive_options& options) {
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(options.idle));
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(options.interval));
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, options.count);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(user_timeout(options).count()));
}

} // namespace roachpin::net
