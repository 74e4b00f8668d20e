#pragma once

#include "audit/finding.hpp"
#include "core/error.hpp"

#include <string>
#include <string_view>

/// A report in each form that somebody reads. Pure, and the same octets for the same report: made
/// to be compared. Always UTF-8 without control characters (audit/legible.hpp); what a format gives
/// a meaning to is escaped.
namespace roachpin::audit {

enum class report_format { text, json, sarif, junit };

core::result<report_format> parse_format(std::string_view text);

/// For people. `colour`: with terminal escapes.
std::string write_text(const report& found, bool colour);

/// One object: `format` (1), `meta`, `findings`, `steps`, `unfinished`. What a baseline is made of.
std::string write_json(const report& found, const std::string& version);

/// SARIF 2.1.0 (OASIS), for code scanning.
std::string write_sarif(const report& found, const std::string& version);

/// JUnit's XML, as CI systems read it: a suite for each node and one for the configuration, a case
/// for each stage and one for each finding. Only what fails the check with that threshold is a
/// failure there, so that a CI system comes to the same end by either.
std::string write_junit(const report& found, severity threshold);

} // namespace roachpin::audit
