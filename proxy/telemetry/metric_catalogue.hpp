#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Every metric there is: SPEC's names, and what they are in words. /metrics is made of this table,
/// and config/metrics.md says the same.
namespace roachpin::telemetry {

enum class metric_kind { counter, gauge, histogram };

std::string_view to_string(metric_kind kind); ///< as Prometheus calls it

struct metric_description {
    std::string_view name;
    metric_kind kind;
    std::string_view help;
    std::vector<std::string_view> labels{}; ///< their values come from the configuration, from
                                            ///< fixed sets, or are addresses inside the allowlist
    std::vector<double> buckets{};          ///< of a histogram: upper bounds, in seconds
};

const std::vector<metric_description>& metric_catalogue();

/// Throws std::logic_error where there is no such metric.
const metric_description& describe_metric(std::string_view name);

} // namespace roachpin::telemetry
