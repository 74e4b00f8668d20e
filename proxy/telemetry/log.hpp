#pragma once

#include "core/event_sink.hpp"
#include "telemetry/event_line.hpp"

#include <memory>

namespace spdlog {
class logger;
}

namespace roachpin::telemetry {

struct log_options {
    severity least = severity::info; ///< what is less severe is not written
    bool json = false;
};

/// The log: one event, one line on stderr. Safe from any thread.
class log final : public core::event_sink {
public:
    explicit log(log_options options);

    void on_event(core::event_id id, const core::event& what) noexcept override;

private:
    log_options options_;
    std::shared_ptr<spdlog::logger> logger_;
};

} // namespace roachpin::telemetry
