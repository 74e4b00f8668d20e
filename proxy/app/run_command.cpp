#include "app/run_command.hpp"

#include "app/exit_code.hpp"
#include "app/load.hpp"
#include "app/runtime.hpp"
#include "telemetry/log.hpp"
#include "tls/library.hpp"

#include <csignal>
#include <iostream>
#include <random>

namespace roachpin::app {
namespace {

/// The id's upper half is chance, so that two runs' events are told apart; the lower half counts.
std::uint64_t first_event_id() {
    return static_cast<std::uint64_t>(std::random_device{}()) << 32U;
}

telemetry::severity to_severity(settings::log_level from) {
    switch (from) {
    case settings::log_level::debug:
        return telemetry::severity::debug;
    case settings::log_level::info:
        return telemetry::severity::info;
    case settings::log_level::warning:
        return telemetry::severity::warning;
    case settings::log_level::error:
        break;
    }
    return telemetry::severity::error;
}

bool is_json(const settings::log& from) {
    return from.format == settings::log_format::json;
}

int complain(const std::vector<std::string>& sentences, exit_code code) {
    for (const auto& sentence : sentences) {
        std::cerr << sentence << '\n';
    }
    return code;
}

} // namespace

int run(const run_flags& flags) {
    std::signal(SIGPIPE, SIG_IGN); // a closed socket is an error of the write, not of the process
    std::signal(SIGHUP, SIG_IGN);  // a terminal that closes, or a reload, must not cut sessions
    tls::initialise();
    configuration_source source{flags.config,
                                {flags.listen, flags.admin, flags.log_level, flags.log_format}};
    auto loaded = load(source, lock_use::keep_to);
    if (!loaded) {
        return complain(loaded.error(), bad_configuration_or_usage);
    }
    const auto& to = loaded->configuration.log;
    telemetry::log log({to_severity(to.level), is_json(to)});
    telemetry::metrics metrics;
    telemetry::recent_events recent;
    core::event_source events({&log, &metrics, &recent}, first_event_id());
    runtime proxy(
        std::move(source), std::move(*loaded), events, {log, metrics, recent},
        [&log](const settings::log& now) { log.change(to_severity(now.level), is_json(now)); });
    if (const auto reasons = proxy.look_around(); !reasons.empty()) {
        std::cerr << "roachpin does not start (start: fail_fast):\n";
        complain(reasons, failed);
        std::cerr << "roachpin check -c " << flags.config
                  << " looks at everything; start: wait listens all the same and goes on trying\n";
        return failed;
    }
    if (const auto failures = proxy.open_listeners(); !failures.empty()) {
        return complain(failures, failed);
    }
    proxy.run();
    return ok;
}

} // namespace roachpin::app
