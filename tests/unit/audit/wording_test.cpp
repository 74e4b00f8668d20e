#include "audit/wording.hpp"
#include "audit_scene.hpp"

#include <gtest/gtest.h>

namespace roachpin::audit {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

TEST(audit_wording, counts_whole_days) {
    EXPECT_EQ(ending(today + days(12) + 23h, today), "ends on 2026-12-04, in 12 days");
    EXPECT_EQ(ending(today + days(1), today), "ends on 2026-11-23, in 1 day");
    EXPECT_EQ(ending(today + 1s, today), "ends on 2026-11-22, in 0 days");
    EXPECT_EQ(ending(today, today), "has ended on 2026-11-22");
}

TEST(audit_wording, tells_an_answers_records) {
    auto said = answer({place("10.1.0.1"), place("fd00::1")});
    said.chain = {name("gw.internal")};
    said.proof = policy::authenticity::secure;
    EXPECT_EQ(records_text(said),
              "alias gw.internal; 10.1.0.1:26257, [fd00::1]:26257; ttl 30s; authenticated");
}

} // namespace
} // namespace roachpin::audit
