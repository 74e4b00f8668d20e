#include "audit/catalogue.hpp"
#include "audit/fingerprint.hpp"
#include "audit/verdict.hpp"
#include "audit/write_report.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using audit::make_finding;
using audit::severity;
using audit::verdict;

audit::report with(std::vector<audit::finding> findings, std::vector<std::string> unfinished = {}) {
    return {.file = "roachpin.yaml",
            .findings = std::move(findings),
            .unfinished = std::move(unfinished)};
}

const auto medium = make_finding("DNS-NODATA", "a", "10.0.0.53", 3, "none");
const auto critical = make_finding("TLS-REFUSED", "a", "10.1.2.3:26257", 3, "N");

TEST(audit_verdict, only_what_is_at_or_above_the_threshold_fails) {
    EXPECT_EQ(verdict_on(with({}), severity::low), verdict::clean);
    EXPECT_EQ(verdict_on(with({medium}), severity::high), verdict::clean);
    EXPECT_EQ(verdict_on(with({medium}), severity::medium), verdict::findings);
    EXPECT_EQ(verdict_on(with({medium, critical}), severity::critical), verdict::findings);
}

TEST(audit_verdict, what_could_not_be_looked_at_is_never_clean) {
    EXPECT_EQ(verdict_on(with({}, {"a"}), severity::high), verdict::unfinished);
    EXPECT_EQ(verdict_on(with({medium}, {"a"}), severity::high), verdict::unfinished);
    EXPECT_EQ(verdict_on(with({critical}, {"a"}), severity::high), verdict::findings);
    const auto silent = make_finding("DNS-RESOLVER-UNREACHABLE", "a", "10.0.0.53", 3, "no answer");
    EXPECT_EQ(verdict_on(with({silent}, {"a"}), severity::low), verdict::unfinished);
}

TEST(audit_verdict, what_is_suppressed_or_known_does_not_count) {
    auto hidden = critical;
    hidden.suppressed = "known";
    EXPECT_EQ(verdict_on(with({hidden}), severity::high), verdict::clean);

    const auto before = write_json(with({critical}), "0.1.0");
    auto now = with({critical, medium});
    now.findings[0].evidence = "said in other words today";
    apply_baseline(now, audit::read_baseline(before).value());
    EXPECT_TRUE(now.findings[0].known);
    EXPECT_FALSE(now.findings[1].known);
    EXPECT_EQ(verdict_on(now, severity::high), verdict::clean);
    EXPECT_EQ(verdict_on(now, severity::medium), verdict::findings);
}

TEST(audit_verdict, a_baseline_hides_neither_what_is_graver_nor_what_is_another) {
    auto ending = make_finding("TLS-CERT-EXPIRING", "a", "10.1.2.3:26257", 3, "in 12 days");
    auto elsewhere = make_finding("DNS-ADDRESS-UNEXPECTED", "a", "10.0.0.53", 3, "10.9.9.9");
    elsewhere.mark = "10.9.9.9:26257 ";
    auto suppressed = critical;
    suppressed.suppressed = "until tomorrow";
    const auto known =
        audit::read_baseline(write_json(with({ending, elsewhere, suppressed}), "0.1.0")).value();
    auto ended = ending;
    ended.level = severity::critical;
    auto yet_another = elsewhere;
    yet_another.mark = "10.8.8.8:26257 ";
    auto now = with({ending, ended, elsewhere, yet_another, critical});
    apply_baseline(now, known);
    std::vector<bool> marked;
    for (const auto& one : now.findings) {
        marked.push_back(one.known);
    }
    EXPECT_EQ(marked, (std::vector<bool>{true, false, true, false, false}));
}

TEST(audit_verdict, a_baseline_that_is_none_is_refused) {
    for (const auto* text :
         {"", "{", "[]", "{}", R"({"findings": 1})", R"({"findings": [1]})",
          R"({"findings": [{"id": "DNS-NODATA"}]})", R"({"findings": [{"fingerprint": 1}]})",
          R"({"findings": [{"fingerprint": "a", "severity": "grave"}]})"}) {
        EXPECT_FALSE(audit::read_baseline(text)) << text;
    }
    EXPECT_TRUE(audit::read_baseline(R"({"findings": []})").value().empty());
}

TEST(audit_verdict, thresholds_and_formats_are_words_of_their_own) {
    EXPECT_EQ(audit::parse_threshold("medium").value(), severity::medium);
    for (const auto* text : {"", "info", "High", "high ", "7"}) {
        EXPECT_FALSE(audit::parse_threshold(text)) << text;
    }
    EXPECT_EQ(audit::parse_format("sarif").value(), audit::report_format::sarif);
    EXPECT_FALSE(audit::parse_format("xml"));
}

TEST(audit_fingerprint, it_is_what_and_where_and_nothing_else) {
    auto other = critical;
    other.evidence = "x";
    other.line = 99;
    other.suppressed = "known";
    EXPECT_EQ(fingerprint(other), fingerprint(critical));
    EXPECT_EQ(fingerprint(critical).size(), 16U);
    // Where one text ends and the next begins is part of it.
    const auto at = [](std::string host, std::string subject) {
        return fingerprint(make_finding("TLS-REFUSED", std::move(host), std::move(subject), 1, ""));
    };
    EXPECT_NE(at("ab", "c"), at("a", "bc"));
    EXPECT_NE(at("a", ""), at("", "a"));
    EXPECT_NE(fingerprint(critical),
              fingerprint(make_finding("TLS-REVOKED", "a", "10.1.2.3:26257", 3, "N")));
}

} // namespace
} // namespace roachpin
