#include "app/run_command.hpp"

#include "app/assemble.hpp"
#include "app/exit_code.hpp"
#include "app/runtime.hpp"
#include "settings/parse.hpp"
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

telemetry::log_options to_log_options(const settings::log& from) {
    const bool json = from.format == settings::log_format::json;
    switch (from.level) {
    case settings::log_level::debug:
        return {telemetry::severity::debug, json};
    case settings::log_level::info:
        return {telemetry::severity::info, json};
    case settings::log_level::warning:
        return {telemetry::severity::warning, json};
    case settings::log_level::error:
        break;
    }
    return {telemetry::severity::error, json};
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
    const auto configuration = settings::load(flags.config, settings::process_environment(),
                                              {flags.listen, flags.log_level, flags.log_format});
    if (!configuration) {
        std::cerr << settings::to_string(configuration.error());
        return bad_configuration_or_usage;
    }

    tls::initialise();
    auto assembled = assemble(*configuration, std::chrono::system_clock::now());
    if (!assembled) {
        return complain(assembled.error(), bad_configuration_or_usage);
    }

    telemetry::log log(to_log_options(configuration->log));
    core::event_source events({&log}, first_event_id());
    runtime proxy(*configuration, std::move(*assembled), events);
    if (const auto reasons = proxy.look_around(); !reasons.empty()) {
        std::cerr << "roachpin does not start (start: fail_fast):\n";
        return complain(reasons, failed);
    }
    if (const auto failures = proxy.open_listeners(); !failures.empty()) {
        return complain(failures, failed);
    }
    proxy.run();
    return ok;
}

} // namespace roachpin::app
