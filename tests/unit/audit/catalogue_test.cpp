#include "audit/catalogue.hpp"
#include "core/finding_ids.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace roachpin {
namespace {

using audit::catalogue;
using audit::severity;

TEST(audit_catalogue, has_what_may_be_suppressed_and_nothing_else) {
    std::vector<std::string_view> ids;
    for (const auto& one : catalogue()) {
        ids.push_back(one.id);
    }
    EXPECT_THAT(ids, testing::ElementsAreArray(core::finding_ids));
}

TEST(audit_catalogue, the_most_severe_comes_first) {
    auto before = severity::critical;
    for (const auto& one : catalogue()) {
        EXPECT_LE(one.level, before) << one.id;
        before = one.level;
    }
}

TEST(audit_catalogue, a_finding_takes_its_severity_from_there) {
    const auto made = audit::make_finding("DNS-NODATA", "crdb.internal", "10.0.0.53", 7, "none");
    EXPECT_EQ(made.level, severity::medium);
    EXPECT_EQ(made.line, 7U);
    EXPECT_THROW(audit::make_finding("DNS-NONSENSE", "", "", 1, ""), std::logic_error);
}

/// The page as it should be: what a mismatch shows can be taken over.
std::string page() {
    std::string text;
    for (const auto& one : catalogue()) {
        text.append("\n## ").append(one.id).append("\n\n**").append(one.title).append("** (");
        text.append(to_string(one.level)).append(")\n\n").append(one.meaning);
        text.append("\n\n*What to do:* ").append(one.remedy).append("\n");
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

} // namespace
} // namespace roachpin
