#include "settings/lock_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace roachpin {
namespace {

using lines = std::vector<std::string>;

std::string pin(char digit) {
    return std::string(42, digit) + "A=";
}

/// A lock with the host crdb.internal, whose other lines these are.
settings::lock_file lock_of(const std::string& facts, const std::string& other_hosts = "",
                            const std::string& reviewed = "2026-11-22") {
    auto text = "lock_version: 1\nreviewed: " + reviewed +
                "\nreview_by: 2027-02-22\nhosts:\n  crdb.internal:\n" + facts;
    for (const std::string key : {"chain", "addresses", "issuer_spki", "leaf_spki", "next_spki"}) {
        text += facts.find(key) == std::string::npos ? "    " + key + ": []\n" : "";
    }
    const auto parsed = settings::parse_lock(text + other_hosts, "x.lock");
    EXPECT_TRUE(parsed) << to_string(parsed.error());
    return parsed ? *parsed : settings::lock_file{};
}

const std::string other_host = "  crdb-1.internal:\n    chain: []\n    addresses: [10.1.2.9]\n"
                               "    issuer_spki: []\n    leaf_spki: []\n    next_spki: []\n";

TEST(settings_lock_differences, what_is_the_same_has_none) {
    EXPECT_EQ(differences(lock_of(""), lock_of("")), lines{});
    EXPECT_EQ(differences(lock_of("    addresses: [10.1.2.3, 10.1.2.4]\n"),
                          lock_of("    addresses: [10.1.2.4, 10.1.2.3]\n")),
              lines{});
}

TEST(settings_lock_differences, the_days_of_the_review_are_no_facts) {
    EXPECT_EQ(differences(lock_of(""), lock_of("", "", "2027-01-01")), lines{});
}

TEST(settings_lock_differences, each_fact_is_a_line) {
    const auto locked = lock_of("    chain: [a.internal]\n"
                                "    addresses: [10.1.2.3, 10.1.2.4]\n"
                                "    issuer_spki: [" +
                                pin('i') + "]\n    not_after: 2027-01-30\n");
    const auto now = lock_of("    chain: []\n"
                             "    addresses: ['fd00::1', 10.1.2.4]\n"
                             "    issuer_spki: [" +
                             pin('j') + "]\n    leaf_spki: [" + pin('l') + "]\n    next_spki: [" +
                             pin('n') + "]\n    not_after: 2027-04-30\n");
    const lines expected{
        "crdb.internal: addresses: +fd00::1",       "crdb.internal: addresses: -10.1.2.3",
        "crdb.internal: chain: -a.internal",        "crdb.internal: issuer_spki: +" + pin('j'),
        "crdb.internal: issuer_spki: -" + pin('i'), "crdb.internal: leaf_spki: +" + pin('l'),
        "crdb.internal: next_spki: +" + pin('n'),   "crdb.internal: not_after: +2027-04-30",
        "crdb.internal: not_after: -2027-01-30"};
    EXPECT_EQ(differences(locked, now), expected);
}

TEST(settings_lock_differences, back_and_forth_differ_by_their_signs) {
    const auto locked = lock_of("    addresses: [10.1.2.3]\n");
    const auto now = lock_of("    addresses: [10.1.2.4]\n", other_host);
    auto back = differences(now, locked);
    for (auto& line : back) {
        const auto at = line.find_last_of("+-");
        line[at] = line[at] == '+' ? '-' : '+';
    }
    std::sort(back.begin(), back.end());
    EXPECT_EQ(back, differences(locked, now));
}

TEST(settings_lock_differences, the_order_of_a_chain_is_a_fact) {
    EXPECT_EQ(differences(lock_of("    chain: [a.internal, b.internal]\n"),
                          lock_of("    chain: [b.internal, a.internal]\n")),
              (lines{"crdb.internal: chain: +b.internal -> a.internal",
                     "crdb.internal: chain: -a.internal -> b.internal"}));
}

TEST(settings_lock_differences, a_host_that_came_or_went_is_said) {
    EXPECT_EQ(differences(lock_of(""), lock_of("", other_host)),
              (lines{"crdb-1.internal: +host", "crdb-1.internal: addresses: +10.1.2.9"}));
    EXPECT_EQ(differences(lock_of("", other_host), lock_of("")),
              (lines{"crdb-1.internal: -host", "crdb-1.internal: addresses: -10.1.2.9"}));
    EXPECT_EQ(differences(settings::lock_file{}, lock_of("")), lines{"crdb.internal: +host"});
}

} // namespace
} // namespace roachpin
