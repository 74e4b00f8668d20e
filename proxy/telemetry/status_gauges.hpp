#pragma once

#include "telemetry/status.hpp"

#include <prometheus/metric_family.h>
#include <vector>

namespace roachpin::telemetry {

/// The metrics that are a status and not a count: made anew for each scrape, so that what is gone
/// leaves no series behind.
std::vector<prometheus::MetricFamily> gauges_of(const status& now);

} // namespace roachpin::telemetry
