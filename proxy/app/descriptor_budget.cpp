#include "app/descriptor_budget.hpp"

#include <string>
#include <sys/resource.h>

namespace roachpin::app {
namespace {

constexpr std::size_t of_a_connection = 2; // the client's socket and the node's
constexpr std::size_t of_its_pipes = 4;    // two ends of one pipe for each direction
// The event loop's epoll, event and timer descriptors, and the poller's epoll.
constexpr std::size_t of_a_worker = 4;
// Standard streams, the log, the control thread's loop, signals, inotify, sd_notify, libunbound's
// own; and what comes and goes: DNS queries, proofs and probes, connections to admin and control,
// files read in a reload.
constexpr std::size_t of_everything_else = 96;

std::size_t of_one_connection(const descriptor_needs& needs) {
    return of_a_connection + (needs.passthrough ? of_its_pipes : 0);
}

std::size_t beside_connections(const descriptor_needs& needs) {
    return needs.max_opening + needs.spares + needs.listeners + needs.workers * of_a_worker +
           of_everything_else;
}

core::error too_low(const descriptor_needs& needs, std::size_t hard) {
    const auto needed = std::to_string(needed_descriptors(needs));
    core::error failed{"these limits need " + needed +
                       " file descriptors, and the hard limit of open files is " +
                       std::to_string(hard) + ": raise it (LimitNOFILE=" + needed +
                       " in the systemd unit, or ulimit -Hn " + needed + ")"};
    if (const auto fitting = most_connections(needs, hard); fitting > 0) {
        failed.sentence += ", or lower limits.max_connections to " + std::to_string(fitting);
    }
    return failed;
}

} // namespace

std::size_t needed_descriptors(const descriptor_needs& needs) {
    return needs.max_connections * of_one_connection(needs) + beside_connections(needs);
}

std::size_t most_connections(const descriptor_needs& needs, std::size_t limit) {
    const auto rest = beside_connections(needs);
    return limit < rest ? 0 : (limit - rest) / of_one_connection(needs);
}

core::result<void> make_room(const descriptor_needs& needs) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return core::system_error("cannot read the limit of open files");
    }
    if (needed_descriptors(needs) > limit.rlim_max) {
        return too_low(needs, limit.rlim_max);
    }
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return core::system_error("cannot raise the limit of open files to " +
                                  std::to_string(limit.rlim_max));
    }
    return {};
}

} // namespace roachpin::app
