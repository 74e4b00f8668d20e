#pragma once

#include "core/event_sink.hpp"
#include "telemetry/status.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace roachpin::telemetry {

/// What series there are from the beginning, at zero: an alert on a first increment needs them.
struct metric_subjects {
    std::vector<std::string> nodes;
    std::vector<std::string> resolved;  ///< of them, those whose names are asked for
    std::vector<std::string> listeners; ///< as bound
};

/// Counts events, and shows them beside a status in Prometheus' text format. Any thread.
///
/// What happens once a connection or less often is counted here; octets are counted by the workers
/// (net/traffic.hpp) and come with the status.
class metrics final : public core::event_sink {
public:
    metrics();
    metrics(const metrics&) = delete;
    metrics& operator=(const metrics&) = delete;
    ~metrics() override;

    void on_event(core::event_id id, const core::event& what) noexcept override;

    void expect(const metric_subjects& subjects);

    /// Without the octets.
    totals since_start() const;

    std::string to_text(const status& now) const;

private:
    class counts;

    std::unique_ptr<counts> counts_;
};

} // namespace roachpin::telemetry
