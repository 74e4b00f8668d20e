#pragma once

#include "audit/finding.hpp"
#include "core/error.hpp"

#include <map>
#include <string>
#include <string_view>

/// What a report means for whoever waits for an exit code.
namespace roachpin::audit {

/// "low", "medium", "high" or "critical"; nothing else may fail a check.
core::result<severity> parse_threshold(std::string_view text);

/// By fingerprint, how grave they were: findings that are known.
using baseline = std::map<std::string, severity>;

/// Those of an earlier report (write_json), without what was suppressed then: that has a reason and
/// a day of its own. A sentence where `json` is none.
core::result<baseline> read_baseline(const std::string& json);

/// Marks the findings that `known` has, and that have not become graver.
void apply_baseline(report& into, const baseline& known);

/// Whether it is to be acted on: neither suppressed nor known.
bool counts(const finding& one);

/// Whether it fails a check with that threshold. What says that nobody could look fails none.
bool fails(const finding& one, severity threshold);

enum class verdict {
    clean,      ///< nothing at or above the threshold
    findings,   ///< something is
    unfinished, ///< nothing is, and not everything could be looked at
};

/// A finding is the stronger news: with one, what could not be looked at changes nothing.
verdict verdict_on(const report& from, severity threshold);

} // namespace roachpin::audit
