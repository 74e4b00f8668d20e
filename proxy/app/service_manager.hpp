#pragma once

#include "core/time.hpp"
#include "net/descriptor.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roachpin::app {

/// Tells systemd, or whoever else speaks sd_notify(3), how this process fares, and has the sockets
/// that it handed down (sd_listen_fds(3)). Where nobody asked (no NOTIFY_SOCKET) everything does
/// nothing; what cannot be sent is not sent: no caller could do anything about it.
///
/// Written here, not taken from libsystemd: that would bring its compression libraries into a
/// process that handles credentials (CVE-2024-3094 came that way), and the man pages document
/// both as stable interfaces that may be spoken without it.
///
/// `status` is what `systemctl status` shows beside, one line; none leaves what was said last.
class service_manager {
public:
    /// Reads NOTIFY_SOCKET, WATCHDOG_* and LISTEN_*, and takes them out of the environment: they
    /// are no children's. To be called once, before there are threads (setenv(3)).
    static service_manager from_environment();

    /// The start has succeeded, or a reload is over, however it went.
    void ready(std::string_view status = {}) const;

    /// A reload begins; `ready` ends it (Type=notify-reload waits for that).
    void reloading(std::string_view status = {}) const;

    /// The drain begins.
    void stopping(std::string_view status = {}) const;

    /// To be said every `watchdog_interval()`, from where a hang would show.
    void alive() const;

    /// Half of the time after which silence is taken for a hang (WATCHDOG_USEC), as
    /// sd_watchdog_enabled(3) advises; nothing where nobody watches.
    std::optional<core::duration> watchdog_interval() const { return watchdog_interval_; }

    /// What was handed down, as it came: not looked at yet. None where it was for another process
    /// (LISTEN_PID), and at the second call.
    std::vector<net::descriptor> take_sockets() { return std::exchange(sockets_, {}); }

private:
    service_manager() = default;

    void send(std::string assignments, std::string_view status) const;

    net::descriptor socket_; ///< none: nobody asked
    std::string address_;    ///< as sun_path wants it, an abstract one with its leading NUL
    std::optional<core::duration> watchdog_interval_;
    std::vector<net::descriptor> sockets_;
};

} // namespace roachpin::app
