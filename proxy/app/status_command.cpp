#include "app/status_command.hpp"

#include "app/exit_code.hpp"
#include "app/fetch.hpp"
#include "app/prepare.hpp"
#include "app/status_text.hpp"
#include "app/terminal.hpp"

#include <csignal>
#include <ctime>
#include <iostream>
#include <optional>

namespace roachpin::app {
namespace {

/// Whom to ask: never by a name, which would have to be looked up. "localhost" is this machine.
std::optional<core::endpoint> address_of(const std::string& admin) {
    constexpr std::string_view localhost = "localhost:";
    const auto text =
        admin.starts_with(localhost) ? "127.0.0.1:" + admin.substr(localhost.size()) : admin;
    const auto parsed = core::endpoint::parse(text);
    if (!parsed) {
        tell("--admin: " + parsed.error().sentence);
        return std::nullopt;
    }
    return *parsed;
}

/// What is to be shown; a sentence where nobody answers, or somebody else.
core::result<std::string> look(const core::endpoint& from, bool json) {
    auto answer = fetch(from, "/status");
    if (!answer) {
        return core::error{answer.error().sentence +
                           "; is roachpin running, with admin.bind there?"};
    }
    auto text = status_text(*answer, wants_colour());
    if (!text) {
        return core::error{from.to_string() + ": " + text.error().sentence};
    }
    return json ? answer : text;
}

/// Whether there was something to show, and somebody to show it to.
bool show(const core::result<std::string>& seen) {
    if (!seen) {
        tell(seen.error().sentence);
        return false;
    }
    std::cout << *seen << std::flush;
    return std::cout.good();
}

/// What ends a watch is kept from ending the process in the middle of a line.
sigset_t ends_of_watch() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

int watch(const core::endpoint& from, bool json) {
    const auto signals = ends_of_watch();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    const timespec interval{2, 0};
    while (std::cout.good()) {
        const auto seen = look(from, json);
        if (is_terminal()) { // only now: what is there stays readable while the answer is on its
                             // way
            std::cout << "\x1b[H\x1b[2J" << std::flush;
        }
        show(seen);
        if (!json && !is_terminal()) {
            std::cout << std::endl; // a blank line between two of them
        }
        if (::sigtimedwait(&signals, nullptr, &interval) > 0) {
            return ok;
        }
    }
    return failed;
}

} // namespace

int status(const status_flags& flags) {
    std::signal(SIGPIPE, SIG_IGN);
    if (flags.format != "text" && flags.format != "json") {
        tell("--format: \"" + flags.format + "\" is no format; write text or json");
        return bad_configuration_or_usage;
    }
    const auto from = address_of(flags.admin);
    if (!from) {
        return bad_configuration_or_usage;
    }
    const bool json = flags.format == "json";
    if (flags.watch) {
        return watch(*from, json);
    }
    return show(look(*from, json)) ? ok : failed;
}

} // namespace roachpin::app
