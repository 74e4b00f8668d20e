#pragma once

#include "telemetry/page/html.hpp"
#include "telemetry/status.hpp"
#include "telemetry/status_summary.hpp"

/// The page's parts, in the order they stand in.
namespace roachpin::telemetry::page {

html headline(const summary& all);
html concerns(const summary& all);
html facts(const status& of);
html nodes(const status& of); ///< the worst first
html names(const status& of);
html certificates(const status& of); ///< the next to end first
html listeners(const status& of);
html events(const status& of);

} // namespace roachpin::telemetry::page
