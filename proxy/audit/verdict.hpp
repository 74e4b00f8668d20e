#pragma once

#include "audit/finding.hpp"
#include "core/error.hpp"

#include <set>
#include <string>
#include <string_view>

/// What a report means for whoever waits for an exit code.
namespace roachpin::audit {

/// "low", "medium", "high" or "critical"; nothing else may fail a check.
core::result<severity> parse_threshold(std::string_view text);

/// Fingerprints of findings that are known: those of an earlier report (write_json). A sentence
/// where `json` is none.
core::result<std::set<std::string>> read_baseline(const std::string& json);

/// Marks the findings that `known` has.
void apply_baseline(report& into, const std::set<std::string>& known);

/// Whether it is to be acted on: neither suppressed nor known.
bool counts(const finding& one);

enum class verdict {
    clean,      ///< nothing at or above the threshold
    findings,   ///< something is
    unfinished, ///< nothing is, and not everything could be looked at
};

/// A finding is the stronger news: with one, what could not be looked at changes nothing.
verdict verdict_on(const report& from, severity threshold);

} // namespace roachpin::audit
