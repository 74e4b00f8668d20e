#include "app/service_manager.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace roachpin::app {
namespace {

using namespace std::chrono_literals;

/// A variable's value, which is gone from the environment then.
std::string take(const char* name) {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): no threads yet
    std::string taken = value == nullptr ? "" : value;
    ::unsetenv(name); // NOLINT(concurrency-mt-unsafe)
    return taken;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, number);
    if (failed != std::errc{} || rest != end) {
        return std::nullopt;
    }
    return number;
}

/// WATCHDOG_PID says whom the other one is for; without it, it is for whoever reads it.
std::optional<core::duration> interval(const std::string& microseconds, const std::string& pid) {
    const auto limit = parse_number(microseconds);
    const auto whose = parse_number(pid);
    const bool is_ours = pid.empty() || whose == static_cast<std::uint64_t>(::getpid());
    if (!limit || *limit == 0 || !is_ours) {
        return std::nullopt;
    }
    const core::duration half(*limit / 2000);
    return std::clamp<core::duration>(half, 1ms, 1h); // more often than needed harms nobody
}

/// SD_LISTEN_FDS_START.
constexpr int first_handed_down = 3;

std::vector<net::descriptor> handed_down(const std::string& count, const std::string& pid) {
    std::vector<net::descriptor> sockets;
    const auto number = parse_number(count);
    // No process can hold more, and nobody is to loop for ever over a number that was made up.
    const auto most = static_cast<std::uint64_t>(::sysconf(_SC_OPEN_MAX));
    if (number && *number <= most && parse_number(pid) == static_cast<std::uint64_t>(::getpid())) {
        sockets.reserve(*number);
        for (std::uint64_t i = 0; i < *number; ++i) {
            sockets.emplace_back(first_handed_down + static_cast<int>(i));
        }
    }
    return sockets;
}

/// An absolute path or, after '@', an abstract name (unix(7)), that fits.
bool is_address(std::string_view text) {
    return text.size() > 1 && (text.front() == '/' || text.front() == '@') &&
           text.size() < sizeof(sockaddr_un::sun_path);
}

std::string monotonic_microseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::to_string(std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000);
}

} // namespace

service_manager service_manager::from_environment() {
    service_manager made;
    auto address = take("NOTIFY_SOCKET");
    const auto watchdog = take("WATCHDOG_USEC");
    const auto watched = take("WATCHDOG_PID");
    const auto sockets = take("LISTEN_FDS");
    made.sockets_ = handed_down(sockets, take("LISTEN_PID"));
    take("LISTEN_FDNAMES"); // a socket is known by where it listens
    if (is_address(address)) {
        made.socket_ =
            net::descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        made.watchdog_interval_ = interval(watchdog, watched);
        made.address_ = std::move(address);
        if (made.address_.front() == '@') {
            made.address_.front() = '\0';
        }
    }
    return made;
}

void service_manager::ready(std::string_view status) const {
    send("READY=1", status);
}

void service_manager::reloading(std::string_view status) const {
    send("RELOADING=1\nMONOTONIC_USEC=" + monotonic_microseconds(), status);
}

void service_manager::stopping(std::string_view status) const {
    send("STOPPING=1", status);
}

void service_manager::alive() const {
    send("WATCHDOG=1", {});
}

void service_manager::send(std::string assignments, std::string_view status) const {
    if (!socket_) {
        return;
    }
    if (!status.empty()) {
        std::string line(status);
        std::replace(line.begin(), line.end(), '\n', ' '); // the next line would be another's
        assignments += "\nSTATUS=" + line;
    }
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    // An abstract name ends where the address does; a path may.
    const auto size = offsetof(sockaddr_un, sun_path) + address_.size();
    ::sendto(socket_.number(), assignments.data(), assignments.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
             reinterpret_cast<const sockaddr*>(&to), static_cast<socklen_t>(size));
}

} // namespace roachpin::app
