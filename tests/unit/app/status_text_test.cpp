#include "app/status_text.hpp"
#include "telemetry/status_json.hpp"
#include "unit/telemetry/sample_status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using app::status_text;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string shown(const telemetry::status& of, bool colour = false) {
    return status_text(telemetry::to_json(of), colour).value();
}

TEST(app_status_text, says_who_answers_and_who_allowed_it) {
    auto of = test::sample_status();
    of.nodes[0].places.push_back(test::hostile_place("10.1.2.9:26257"));
    const auto text = shown(of);
    EXPECT_THAT(text, StartsWith("HOSTILE: crdb.internal at 10.1.2.9:26257 showed"));
    EXPECT_THAT(text, HasSubstr("  crdb.internal  10.1.2.3:26257  ready    allow: 10.1.0.0/16  "
                                "3 sessions  ends in 89 d\n"));
    EXPECT_THAT(text, HasSubstr("hostile  allow: 10.1.0.0/16  0 sessions  never proved  expected a "
                                "chain to A; presented: B\n"));
    EXPECT_THAT(text, HasSubstr("  crdb.internal  10.0.0.53  believed\n"));
    EXPECT_THAT(text, HasSubstr("cluster.ca_file  CN=Cockroach CA  400 days left"));
    EXPECT_THAT(text, HasSubstr("127.0.0.1:26257  originate  tls offered  3 of 1024"));
    EXPECT_THAT(text, HasSubstr("\nroachpin 0.1.0, up for 5 h\n"));
    EXPECT_THAT(text, HasSubstr("all together: 3 of 4096\n"));
    EXPECT_THAT(text, HasSubstr("since the start: 60 sessions, 0 refused, 0 B to nodes, 1.2 MB to "
                                "clients, 0 DNS answers and 0 nodes not believed\n"));
    EXPECT_THAT(text, HasSubstr("now: 4.0 sessions/s, 0 refused/s, 0 B/s to nodes, 120 kB/s to "
                                "clients\n"));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(shown(of, true), StartsWith("\x1b[1;31mHOSTILE"));
}

TEST(app_status_text, what_is_wrong_is_told_in_full) {
    auto of = test::sample_status();
    of.last_reload = {of.now, false, "SIGHUP", "a.yaml:1: x: is wrong\na.yaml:2: y: \x1b too"};
    EXPECT_THAT(shown(of), HasSubstr("is not in force (SIGHUP)\n"
                                     "    a.yaml:1: x: is wrong\n"
                                     "    a.yaml:2: y: \\x1b too\n"));
}

TEST(app_status_text, numbers_are_read_as_people_say_them) {
    auto of = test::sample_status();
    auto& place = of.nodes[0].places[0];
    place.connections = 1;
    place.proof->not_after = of.now - std::chrono::days(3);
    EXPECT_THAT(shown(of), HasSubstr("  1 session   ended 3 d ago\n"));
    of.history.clear();
    EXPECT_THAT(shown(of), Not(HasSubstr("/s")));
}

TEST(app_status_text, what_answers_cannot_move_the_cursor) {
    auto of = test::sample_status();
    of.nodes[0].host = "a\x1b[2J\nb";
    EXPECT_THAT(shown(of), HasSubstr("a\\x1b[2J\\x0ab"));
}

TEST(app_status_text, what_is_no_status_is_said) {
    for (const auto* text : {"", "{", "[]", "{}", R"({"format": 1})", R"({"format": 2})",
                             R"({"format": "1"})", "<html>"}) {
        EXPECT_FALSE(status_text(text, false)) << text;
    }
}

} // namespace
} // namespace roachpin
