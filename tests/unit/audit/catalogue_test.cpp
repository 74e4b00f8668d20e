#include "audit/catalogue.hpp"
#include "core/finding_ids.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>

namespace roachpin {
namespace {

using audit::severity;

TEST(audit_catalogue, has_exactly_the_ids_that_a_configuration_may_name) {
    ASSERT_EQ(audit::catalogue().size(), core::finding_ids.size());
    for (std::size_t i = 0; i < core::finding_ids.size(); ++i) {
        EXPECT_EQ(audit::catalogue()[i].id, core::finding_ids.at(i));
    }
}

TEST(audit_catalogue, says_everything_of_each_finding) {
    const std::set<std::string_view> stages{"configuration", "dns", "dnssec",  "policy", "tcp",
                                            "sslrequest",    "tls", "startup", "health"};
    std::set<std::string_view> seen;
    for (const auto& entry : audit::catalogue()) {
        EXPECT_TRUE(seen.insert(entry.id).second) << entry.id;
        EXPECT_TRUE(stages.contains(entry.stage)) << entry.id;
        EXPECT_FALSE(entry.title.empty() || entry.title.ends_with('.')) << entry.id;
        EXPECT_TRUE(entry.meaning.ends_with('.')) << entry.id;
        EXPECT_TRUE(entry.remediation.ends_with('.')) << entry.id;
        EXPECT_GE(entry.worst, entry.level) << entry.id;
        EXPECT_EQ(entry.worst_when.empty(), entry.worst == entry.level) << entry.id;
    }
}

TEST(audit_catalogue, has_the_severities_that_were_promised) {
    struct row {
        std::string_view id;
        severity level;
    };

    for (const auto& [id, level] : {
             row{"DNS-ADDRESS-UNEXPECTED", severity::critical},
             row{"TLS-REFUSED", severity::critical},
             row{"DNS-RESOLVER-UNREACHABLE", severity::high},
             row{"CFG-SELF-ADDRESS", severity::high},
             row{"DNS-NODATA", severity::medium},
             row{"TLS-CERT-EXPIRING", severity::medium},
             row{"CFG-LIB-VULNERABLE", severity::medium},
             row{"DNS-RESOLVER-INSECURE", severity::low},
             row{"CFG-LOCK-MISSING", severity::low},
         }) {
        ASSERT_NE(audit::find(id), nullptr) << id;
        EXPECT_EQ(audit::find(id)->level, level) << id;
    }
    EXPECT_EQ(audit::find("TLS-CERT-EXPIRING")->worst, severity::critical);
    EXPECT_NE(audit::find("DNS-NODATA")->meaning.find("rebinding"), std::string_view::npos);
    EXPECT_EQ(audit::find("DNS-NODAT"), nullptr);
    EXPECT_EQ(audit::find(""), nullptr);
}

/// The page as it should be: what a mismatch shows can be taken over.
std::string page() {
    std::string text;
    for (const auto& one : audit::catalogue()) {
        text.append("\n## ").append(one.id).append("\n\n**").append(one.title).append("** (");
        text.append(to_string(one.level));
        if (!one.worst_when.empty()) {
            text.append(", ").append(to_string(one.worst)).append(" ").append(one.worst_when);
        }
        text.append("; stage `").append(one.stage).append("`)\n\n").append(one.meaning);
        text.append("\n\n*What to do:* ").append(one.remediation).append("\n");
    }
    return text;
}

TEST(audit_catalogue, the_page_says_the_same) {
    std::ifstream file(std::string(ROACHPIN_CONFIG_DIR) + "/findings.md");
    const std::string written{std::istreambuf_iterator<char>(file), {}};
    const auto begin = written.find("\n## ");
    ASSERT_NE(begin, std::string::npos);
    EXPECT_EQ(written.substr(begin), page());
}

TEST(audit_finding, is_made_of_the_catalogue_alone) {
    const auto made = audit::make_finding("TLS-CERT-EXPIRING", "crdb.internal", "10.1.2.3:26257", 7,
                                          "ends in 3 days");
    EXPECT_EQ(made.id, "TLS-CERT-EXPIRING");
    EXPECT_EQ(made.level, severity::medium);
    EXPECT_EQ(made.host, "crdb.internal");
    EXPECT_EQ(made.subject, "10.1.2.3:26257");
    EXPECT_EQ(made.line, 7U);
    EXPECT_EQ(made.evidence, "ends in 3 days");
    EXPECT_FALSE(made.suppressed);
    EXPECT_FALSE(made.known);
    EXPECT_EQ(
        audit::make_finding("TLS-CERT-EXPIRING", "", "", 1, "ended", severity::critical).level,
        severity::critical);
    EXPECT_THROW(audit::make_finding("TLS-CERT-EXPIRED", "", "", 1, ""), std::logic_error);
    EXPECT_THROW(audit::make_finding("TLS-CERT-EXPIRING", "", "", 1, "", severity::low),
                 std::logic_error);
    EXPECT_THROW(audit::make_finding("DNS-NODATA", "", "", 1, "", severity::high),
                 std::logic_error);
}

TEST(audit_finding, the_gravest_comes_first_and_then_the_order_of_the_file) {
    audit::report found;
    const auto add = [&](std::string_view id, std::string subject, std::size_t line) {
        found.findings.push_back(audit::make_finding(id, "", std::move(subject), line, ""));
    };
    add("CFG-LOCK-MISSING", "1", 1);
    add("DNS-NODATA", "2", 9);
    add("DNS-NODATA", "3", 3);
    add("TLS-REFUSED", "4", 20);
    add("TLS-CERT-WEAK", "5", 3);
    audit::sort_findings(found);
    std::string order;
    for (const auto& each : found.findings) {
        order += each.subject;
    }
    EXPECT_EQ(order, "43521");
}

} // namespace
} // namespace roachpin
