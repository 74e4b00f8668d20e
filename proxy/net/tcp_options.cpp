#include "net/tcp_options.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace roachpin::net {
namespace {

void set(int fd, int level, int option, int value) {
    static_cast<void>(::setsockopt(fd, level, option, &value, sizeof(value)));
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
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout.count()));
}

} // namespace roachpin::net
