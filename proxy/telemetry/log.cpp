#include "telemetry/log.hpp"

#include "telemetry/log_format.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace roachpin::telemetry {

log::log(log_options options)
    : options_(options), logger_(std::make_shared<spdlog::logger>(
                             "roachpin", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
    logger_->set_pattern("%v"); // the line brings its own time and level, in JSON too
    logger_->set_level(spdlog::level::trace);
}

void log::on_event(core::event_id id, const core::event& what) noexcept {
    try {
        const auto line = describe(what);
        if (line.level >= options_.least) {
            const auto now = std::chrono::system_clock::now();
            logger_->info(options_.json ? to_json(now, id, line) : to_text(now, id, line));
        }
    } catch (...) { // out of memory: a line is lost, the session is not
    }
}

} // namespace roachpin::telemetry
