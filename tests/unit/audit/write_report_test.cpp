#include "audit/catalogue.hpp"
#include "audit/write_report.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using audit::make_finding;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// What a peer may have chosen, as far as core::printable lets it through.
const std::string hostile = "</failure>]]>\"'&<script>\\x1b[2J";

audit::report whole() {
    audit::report made{.file = "config dir/roachpin.yaml"};
    made.steps = {{"configuration", "", "", true, "keeps every rule"},
                  {"tls", "crdb.internal", "10.1.2.3:26257", false, hostile},
                  {"health", "crdb.internal", "10.1.2.3:26257", true, "not enabled", true}};
    made.findings = {
        make_finding("TLS-VERIFY-FAILED", "crdb.internal", "10.1.2.3:26257", 7, hostile),
        make_finding("CFG-LOCK-MISSING", "", "lock.file", 1, "not set"),
        make_finding("DNS-NODATA", "crdb.internal", "10.0.0.53", 7, "none")};
    made.findings[1].suppressed = "not \"yet\"";
    made.findings[2].known = true;
    made.unfinished = {"crdb.internal: 10.0.0.54 could not be asked"};
    return made;
}

TEST(audit_write_text, says_what_where_why_and_what_to_do) {
    const auto text = write_text(whole(), false);
    EXPECT_THAT(text, StartsWith("critical  TLS-VERIFY-FAILED  crdb.internal  10.1.2.3:26257\n"
                                 "  config dir/roachpin.yaml:7\n"));
    EXPECT_THAT(text, HasSubstr(std::string(audit::find("TLS-VERIFY-FAILED")->remediation)));
    EXPECT_THAT(text, HasSubstr("(suppressed: not \"yet\")"));
    EXPECT_THAT(text, HasSubstr("(in the baseline)"));
    EXPECT_THAT(text, HasSubstr("not looked at  crdb.internal: 10.0.0.54"));
    EXPECT_THAT(text, HasSubstr("\n1 finding: 1 critical; 2 suppressed or in the baseline; "
                                "2 stages looked at, 1 skipped\n"));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(write_text(whole(), true), StartsWith("\x1b[1;31mcritical\x1b[0m"));
}

TEST(audit_write_text, nothing_amiss_is_said_too) {
    EXPECT_EQ(audit::write_text({.file = "f"}, false), "0 findings; 0 stages looked at\n");
}

TEST(audit_write_json, has_all_of_it) {
    const auto json = boost::json::parse(write_json(whole(), "0.1.0"));
    EXPECT_EQ(json.at("format"), 1);
    EXPECT_EQ(json.at("meta").at("roachpin"), "0.1.0");
    const auto& first = json.at("findings").at(0);
    EXPECT_EQ(first.at("id"), "TLS-VERIFY-FAILED");
    EXPECT_EQ(first.at("severity"), "critical");
    EXPECT_EQ(first.at("evidence").as_string(), hostile.c_str());
    EXPECT_EQ(json.at("findings").at(1).at("suppressed"), "not \"yet\"");
    EXPECT_EQ(json.at("findings").at(2).at("in_baseline"), true);
    EXPECT_EQ(json.at("steps").at(1).at("result"), "failed");
    EXPECT_EQ(json.at("steps").at(2).at("result"), "skipped");
    EXPECT_EQ(json.at("unfinished").as_array().size(), 1U);
    EXPECT_EQ(write_json(whole(), "0.1.0"), write_json(whole(), "0.1.0"));
}

TEST(audit_write_sarif, points_at_the_line_and_knows_the_rules) {
    const auto log = boost::json::parse(write_sarif(whole(), "0.1.0"));
    EXPECT_EQ(log.at("version"), "2.1.0");
    const auto& run = log.at("runs").at(0);
    EXPECT_EQ(run.at("tool").at("driver").at("rules").as_array().size(), audit::catalogue().size());
    const auto& first = run.at("results").at(0);
    EXPECT_EQ(first.at("ruleId"), "TLS-VERIFY-FAILED");
    EXPECT_EQ(first.at("level"), "error");
    const auto& where = first.at("locations").at(0).at("physicalLocation");
    EXPECT_EQ(where.at("artifactLocation").at("uri"), "config%20dir/roachpin.yaml");
    EXPECT_EQ(where.at("region").at("startLine"), 7);
    EXPECT_EQ(first.at("properties").at("security-severity"), "9.0");
    EXPECT_EQ(run.at("results").at(1).at("suppressions").at(0).at("justification"), "not \"yet\"");
    EXPECT_EQ(run.at("invocations").at(0).at("executionSuccessful"), false);
}

TEST(audit_write_junit, what_a_peer_says_is_text) {
    EXPECT_THAT(write_junit(whole(), audit::severity::critical), HasSubstr("failures=\"1\""));
    auto milder = whole();
    milder.findings[0].level = audit::severity::low;
    EXPECT_THAT(write_junit(milder, audit::severity::high), Not(HasSubstr("<failure")));
    const auto xml = write_junit(whole(), audit::severity::low);
    EXPECT_THAT(xml, StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites"));
    EXPECT_THAT(xml, HasSubstr("message=\"&lt;/failure&gt;]]&gt;&quot;'&amp;&lt;script&gt;"));
    EXPECT_THAT(xml, Not(HasSubstr("<script>")));
    EXPECT_THAT(xml, HasSubstr("<testsuite name=\"crdb.internal\" tests=\"4\" failures=\"1\" "
                               "skipped=\"2\" errors=\"0\">"));
    EXPECT_THAT(xml, HasSubstr("<error message=\"crdb.internal: 10.0.0.54"));
}

} // namespace
} // namespace roachpin
