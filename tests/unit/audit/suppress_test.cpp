#include "audit/catalogue.hpp"
#include "audit/suppress.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace roachpin {
namespace {

using namespace std::chrono;
using audit::make_finding;

constexpr sys_days today = 2026y / November / 24;

settings::suppression rule(std::string id, std::optional<std::string> host,
                           year_month_day expires) {
    return {std::move(id),
            host ? std::optional(core::host_name::parse(*host).value()) : std::nullopt,
            "it is\nknown", expires, "roachpin.yaml:12: suppress[0]"};
}

audit::report two_hosts() {
    audit::report made{.file = "roachpin.yaml"};
    made.findings = {make_finding("CFG-ALLOWLIST-WIDE", "a", "10.0.0.0/8", 3, "wide"),
                     make_finding("CFG-ALLOWLIST-WIDE", "b", "10.0.0.0/8", 5, "wide"),
                     make_finding("DNS-NODATA", "a", "10.0.0.53", 3, "none")};
    return made;
}

const audit::finding& find(const audit::report& in, std::string_view id, std::string_view host) {
    return *std::find_if(in.findings.begin(), in.findings.end(),
                         [&](const auto& one) { return one.id == id && one.host == host; });
}

TEST(audit_suppress, one_host_or_all) {
    auto one = two_hosts();
    apply_suppressions(one, {rule("CFG-ALLOWLIST-WIDE", "a", 2027y / January / 1)}, today);
    EXPECT_TRUE(find(one, "CFG-ALLOWLIST-WIDE", "a").suppressed);
    EXPECT_EQ(find(one, "CFG-ALLOWLIST-WIDE", "a").suppressed, "it is\\x0aknown");
    EXPECT_FALSE(find(one, "CFG-ALLOWLIST-WIDE", "b").suppressed);
    EXPECT_FALSE(find(one, "DNS-NODATA", "a").suppressed);

    auto all = two_hosts();
    apply_suppressions(all, {rule("CFG-ALLOWLIST-WIDE", std::nullopt, 2027y / January / 1)}, today);
    EXPECT_TRUE(find(all, "CFG-ALLOWLIST-WIDE", "a").suppressed);
    EXPECT_TRUE(find(all, "CFG-ALLOWLIST-WIDE", "b").suppressed);
    EXPECT_EQ(all.findings.size(), 3U);
}

TEST(audit_suppress, on_its_last_day_it_holds_and_then_it_is_a_finding_itself) {
    auto last = two_hosts();
    apply_suppressions(last, {rule("DNS-NODATA", "a", year_month_day(today))}, today);
    EXPECT_TRUE(find(last, "DNS-NODATA", "a").suppressed);

    auto past = two_hosts();
    apply_suppressions(past, {rule("DNS-NODATA", "a", 2026y / November / 3)}, today);
    EXPECT_FALSE(find(past, "DNS-NODATA", "a").suppressed);
    ASSERT_EQ(past.findings.size(), 4U);
    const auto& expired = find(past, "CFG-SUPPRESSION-EXPIRED", "a");
    EXPECT_EQ(expired.id, "CFG-SUPPRESSION-EXPIRED");
    EXPECT_EQ(expired.host, "a");
    EXPECT_EQ(expired.subject, "DNS-NODATA");
    EXPECT_EQ(expired.line, 12U);
    EXPECT_EQ(expired.evidence, "DNS-NODATA was suppressed until 2026-11-03");
}

} // namespace
} // namespace roachpin
