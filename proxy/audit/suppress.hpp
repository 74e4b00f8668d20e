#pragma once

#include "audit/finding.hpp"
#include "settings/model.hpp"

#include <chrono>
#include <vector>

namespace roachpin::audit {

/// Marks what the configuration suppresses, and adds CFG-SUPPRESSION-EXPIRED for each entry whose
/// day is past: that one suppresses nothing. Findings stay in the report, so that nothing is
/// hidden; they just do not count.
void apply_suppressions(report& into, const std::vector<settings::suppression>& suppressions,
                        std::chrono::sys_days today);

} // namespace roachpin::audit
