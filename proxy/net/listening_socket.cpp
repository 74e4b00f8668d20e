#include "net/listening_socket.hpp"

#include "core/file_mode.hpp"
#include "net/socket_address.hpp"

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>

namespace roachpin::net {
namespace {

core::error cannot_listen(const core::bind_address& where) {
    const int cause = errno;
    auto failed = core::system_error("cannot listen on " + core::to_string(where));
    if (cause == EADDRINUSE) {
        failed.sentence += "; another program has it (ss -ltnp shows which): stop that one, or "
                           "choose another address";
    } else if (cause == EADDRNOTAVAIL) {
        failed.sentence += "; no interface of this machine has that address";
    } else if (cause == ENOENT) {
        failed.sentence += "; make its folder first";
    } else if (cause == EACCES) {
        failed.sentence += "; this user may not, choose a port from 1024 on or a folder it may "
                           "write to";
    }
    return failed;
}

descriptor new_socket(const socket_address& where) {
    return descriptor(
        ::socket(where.data()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

bool turn_on(const descriptor& socket, int level, int option) {
    const int on = 1;
    return ::setsockopt(socket.number(), level, option, &on, sizeof(on)) == 0;
}

bool bind_to(const descriptor& socket, const socket_address& where) {
    return ::bind(socket.number(), where.data(), static_cast<socklen_t>(where.size())) == 0;
}

bool listen_on(const descriptor& socket) {
    return ::listen(socket.number(), SOMAXCONN) == 0;
}

core::result<descriptor> open_tcp(const core::endpoint& where, bool shared) {
    const auto address = to_socket_address(where);
    auto socket = new_socket(address);
    const bool v6 = !where.address.is_v4();
    if (!socket || !turn_on(socket, SOL_SOCKET, SO_REUSEADDR) ||
        // A new process takes over before the old one drains. The kernel lets only sockets of one
        // effective uid share a port, and only where each of them asked for it (socket(7)).
        (shared && !turn_on(socket, SOL_SOCKET, SO_REUSEPORT)) ||
        (v6 && !turn_on(socket, IPPROTO_IPV6, IPV6_V6ONLY)) || !bind_to(socket, address) ||
        !listen_on(socket)) {
        return cannot_listen(where);
    }
    return socket;
}

socket_address name_of(const descriptor& socket) {
    socket_address address;
    auto size = static_cast<socklen_t>(address.capacity());
    if (::getsockname(socket.number(), address.data(), &size) == 0) {
        address.resize(size);
    }
    return address;
}

/// 0 where there is none.
int option_of(const descriptor& socket, int level, int option) {
    int value = 0;
    socklen_t size = sizeof(value);
    return ::getsockopt(socket.number(), level, option, &value, &size) == 0 ? value : 0;
}

/// Where it listens; nothing where it is not what a listener can be.
std::optional<core::bind_address> place_of(const descriptor& socket) {
    const auto name = name_of(socket);
    const auto family = name.data()->sa_family;
    if (option_of(socket, SOL_SOCKET, SO_ACCEPTCONN) != 1 ||
        option_of(socket, SOL_SOCKET, SO_TYPE) != SOCK_STREAM) {
        return std::nullopt;
    }
    if (family == AF_INET || family == AF_INET6) {
        return to_endpoint(name);
    }
    return to_unix_path(name);
}

/// Why the file at this path must stay; nothing where it is a socket that nobody listens on.
std::optional<core::error> refuse_removal(const core::unix_path& where) {
    struct stat status {};

    if (::lstat(where.path.c_str(), &status) != 0) {
        return cannot_listen(where);
    }
    if (!S_ISSOCK(status.st_mode)) {
        return core::error{"cannot listen on " + core::to_string(where) +
                           ": a file that is no socket is in its place"};
    }
    const auto address = to_socket_address(where);
    const auto probe = new_socket(address);
    if (::connect(probe.number(), address.data(), static_cast<socklen_t>(address.size())) == 0 ||
        errno != ECONNREFUSED) {
        return core::error{"cannot listen on " + core::to_string(where) +
                           ": another process listens there"};
    }
    return std::nullopt;
}

core::result<descriptor> open_unix(const core::unix_path& where, mode_t mode) {
    const auto address = to_socket_address(where);
    auto socket = new_socket(address);
    if (!socket) {
        return cannot_listen(where);
    }
    if (!bind_to(socket, address)) {
        if (errno != EADDRINUSE) {
            return cannot_listen(where);
        }
        if (auto refused = refuse_removal(where)) {
            return *refused;
        }
        if (::unlink(where.path.c_str()) != 0 || !bind_to(socket, address)) {
            return cannot_listen(where);
        }
    }
    // Nobody can connect before listen(2): the mode is right for the first one.
    if (::chmod(where.path.c_str(), mode) != 0 || !listen_on(socket)) {
        auto failed = cannot_listen(where);
        ::unlink(where.path.c_str());
        return failed;
    }
    return socket;
}

} // namespace

core::result<listening_socket> listening_socket::open(const core::bind_address& where,
                                                      mode_t unix_mode, bool shared) {
    if (const auto* path = std::get_if<core::unix_path>(&where)) {
        auto socket = open_unix(*path, unix_mode);
        if (!socket) {
            return socket.error();
        }
        return listening_socket(std::move(*socket), where);
    }
    auto socket = open_tcp(std::get<core::endpoint>(where), shared);
    if (!socket) {
        return socket.error();
    }
    const auto bound = to_endpoint(name_of(*socket));
    return listening_socket(std::move(*socket), bound);
}

core::result<listening_socket> listening_socket::inherit(descriptor socket) {
    auto where = place_of(socket);
    if (!where) {
        return core::error{"the inherited descriptor " + std::to_string(socket.number()) +
                           " is no listening TCP or unix stream socket with an address"};
    }
    const auto* tcp = std::get_if<core::endpoint>(&*where);
    if (tcp != nullptr && !tcp->address.is_v4() && tcp->address.is_unspecified() &&
        option_of(socket, IPPROTO_IPV6, IPV6_V6ONLY) != 1) {
        return core::error{"the inherited socket " + core::to_string(*where) +
                           " takes IPv4, too, which a listener at [::] does not: "
                           "set BindIPv6Only=ipv6-only in the systemd unit"};
    }
    if (::fcntl(socket.number(), F_SETFD, FD_CLOEXEC) != 0 ||
        ::fcntl(socket.number(), F_SETFL, O_NONBLOCK) != 0) {
        return core::system_error("cannot prepare the inherited socket " + core::to_string(*where));
    }
    return listening_socket(std::move(socket), std::move(*where), true);
}

core::result<listening_socket> listening_socket::share() const {
    descriptor again(::fcntl(socket_.number(), F_DUPFD_CLOEXEC, 0));
    if (!again) {
        return core::system_error("cannot duplicate an inherited socket");
    }
    return listening_socket(std::move(again), bound_, inherited_);
}

std::optional<core::error> listening_socket::refuse_mode(mode_t unix_mode) const {
    const auto* where = std::get_if<core::unix_path>(&bound_);
    if (where == nullptr || !inherited_) {
        return std::nullopt;
    }

    struct stat status {};

    if (::stat(where->path.c_str(), &status) != 0) {
        return core::system_error("cannot look at the inherited socket " + where->path);
    }
    const auto mode = status.st_mode & 07777U;
    if (mode != unix_mode) {
        return core::error{"the inherited socket " + where->path + " has the mode " +
                           core::octal(mode) + ", and unix_mode is " + core::octal(unix_mode) +
                           ": make unix_mode and SocketMode= of the systemd unit the same"};
    }
    return std::nullopt;
}

void listening_socket::set_mode(mode_t unix_mode) const {
    if (const auto* where = std::get_if<core::unix_path>(&bound_);
        where != nullptr && !inherited_) {
        ::chmod(where->path.c_str(), unix_mode); // ours: it can only fail where the file is gone
    }
}

listening_socket::~listening_socket() {
    if (const auto* path = std::get_if<core::unix_path>(&bound_);
        path != nullptr && socket_ && !inherited_) {
        ::unlink(path->path.c_str());
    }
}

} // namespace roachpin::net
