#include "telemetry/log_format.hpp"
#include "unit/telemetry/sample_events.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <string>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
namespace json = boost::json;
using core::event_id;
using telemetry::describe;
using telemetry::event_line;
using telemetry::severity;
using telemetry::to_json;
using telemetry::to_text;
using telemetry::wall_time;

/// 2026-11-22T06:30:00Z.
const wall_time epiphany{std::chrono::seconds(1795329000)};

std::string text_of(const event_line& line) {
    return to_text(epiphany, event_id{0x2a}, line);
}

json::object json_of(const event_line& line) {
    return json::parse(to_json(epiphany, event_id{0x2a}, line)).as_object();
}

TEST(telemetry_log_format, a_line_of_text_says_when_how_bad_what_and_where) {
    const core::events::session_established event{
        {core::connection_id{1}, "10.9.8.7:1", "127.0.0.1:26257", "app", "bank", "my app"},
        {"crdb.internal", "10.1.2.3:26257"},
        2,
        1500ms};
    EXPECT_EQ(text_of(describe(event)),
              "2026-11-22T06:30:00.000Z info session_established id=000000000000002a "
              "connection=0000000000000001 client=10.9.8.7:1 listener=127.0.0.1:26257 user=app "
              "database=bank application_name=\"my app\" node=crdb.internal "
              "address=10.1.2.3:26257 dials=2 seconds=1.5");
}

TEST(telemetry_log_format, a_line_of_json_says_the_same) {
    const event_line line{severity::warning,
                          "sample",
                          {{"text", "my \"app\""},
                           {"number", std::uint64_t{18446744073709551615U}},
                           {"seconds", 0.005},
                           {"flag", true}}};
    EXPECT_EQ(json_of(line), (json::object{{"time", "2026-11-22T06:30:00.000Z"},
                                           {"level", "warning"},
                                           {"event", "sample"},
                                           {"id", "000000000000002a"},
                                           {"text", "my \"app\""},
                                           {"number", std::uint64_t{18446744073709551615U}},
                                           {"seconds", 0.005},
                                           {"flag", true}}));
    EXPECT_TRUE(to_json(epiphany, event_id{1}, line)
                    .starts_with("{\"time\":\"2026-11-22T06:30:00.000Z\",\"level\":\"warning\","
                                 "\"event\":\"sample\",\"id\":\"0000000000000001\","));
}

TEST(telemetry_log_format, levels_have_names) {
    EXPECT_EQ(telemetry::to_string(severity::debug), "debug");
    EXPECT_EQ(telemetry::to_string(severity::info), "info");
    EXPECT_EQ(telemetry::to_string(severity::warning), "warning");
    EXPECT_EQ(telemetry::to_string(severity::error), "error");
}

TEST(telemetry_log_format, times_are_utc_with_milliseconds) {
    struct row {
        wall_time::duration after;
        const char* text;
    };

    const event_line line{severity::info, "x", {}};
    for (const auto& [after, text] : {
             row{0ms, "2026-11-22T06:30:00.000Z"},
             row{1ms, "2026-11-22T06:30:00.001Z"},
             row{99ms, "2026-11-22T06:30:00.099Z"},
             row{999ms, "2026-11-22T06:30:00.999Z"},
             row{999'999us, "2026-11-22T06:30:00.999Z"}, // never rounded into another second
             row{17h + 29min + 59s, "2026-11-22T23:59:59.000Z"},
             row{24h * 39 + 17h + 30min, "2027-01-01T00:00:00.000Z"},
         }) {
        EXPECT_TRUE(to_text(epiphany + after, event_id{1}, line).starts_with(text + " info x"s))
            << text;
        EXPECT_EQ(json::parse(to_json(epiphany + after, event_id{1}, line)).at("time"), text);
    }
    EXPECT_TRUE(to_text(wall_time{}, event_id{1}, line).starts_with("1970-01-01T00:00:00.000Z "));
}

TEST(telemetry_log_format, a_value_is_quoted_where_it_would_be_read_as_more_than_one) {
    struct row {
        const char* value;
        const char* written;
    };

    for (const auto& [value, written] : {
             row{"psql", "psql"},
             row{"a,b;c:d/e[1]", "a,b;c:d/e[1]"},
             row{"'", "'"},
             row{"my app", "\"my app\""},
             row{"a=b", "\"a=b\""},
             row{"\"", "\"\\\"\""},
             row{"say \"hi\"", "\"say \\\"hi\\\"\""},
             row{"", "\"\""},
             // As core::printable hands them over: backslashes doubled already.
             row{"a\\\\b", "a\\\\b"},
             row{"a\\\\ b", "\"a\\\\ b\""},
             row{"a\\x0ab", "a\\x0ab"},
         }) {
        EXPECT_EQ(text_of({severity::info, "x", {{"v", value}}}),
                  "2026-11-22T06:30:00.000Z info x id=000000000000002a v="s + written);
    }
}

TEST(telemetry_log_format, numbers_and_flags_are_bare) {
    const event_line line{severity::info,
                          "x",
                          {{"n", std::uint64_t{18446744073709551615U}},
                           {"whole", 25.0},
                           {"part", 0.005},
                           {"yes", true},
                           {"no", false}}};
    EXPECT_TRUE(text_of(line).ends_with(
        "id=000000000000002a n=18446744073709551615 whole=25 part=0.005 yes=true no=false"));
}

/// A client chooses its application_name: it must not write lines of its own into the log.
TEST(telemetry_log_format, a_hostile_name_stays_on_one_line_and_inside_its_value) {
    struct row {
        const char* name;
        std::string application_name;
        const char* in_text;
        const char* in_json;
    };

    for (const auto& [name, application_name, in_text, in_json] : {
             row{"a line of its own", "x\n2026-11-22T06:30:00.000Z info forged",
                 "\"x\\x0a2026-11-22T06:30:00.000Z info forged\"",
                 "x\\x0a2026-11-22T06:30:00.000Z info forged"},
             row{"carriage return", "x\ry", "x\\x0dy", "x\\x0dy"},
             row{"quotes", "x\" user=\"root", "\"x\\\" user=\\\"root\"", "x\" user=\"root"},
             row{"a backslash before a quote", "x\\\"", "\"x\\\\\\\"\"", "x\\\\\""},
             row{"end of JSON", "x\"}\n{\"level\":\"error",
                 "\"x\\\"}\\x0a{\\\"level\\\":\\\"error\"", "x\"}\\x0a{\"level\":\"error"},
             row{"ESC", "\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07",
                 "\\x1b[2J\\x1b]0;owned\\x07"},
             row{"invalid UTF-8", "\xff\xc3(\xed\xa0\x80", "\\xff\\xc3(\\xed\\xa0\\x80",
                 "\\xff\\xc3(\\xed\\xa0\\x80"},
             row{"another field", "x id=1", "\"x id=1\"", "x id=1"},
             row{"NUL", "x\0y"s, "x\\x00y", "x\\x00y"},
             row{"line separator U+2028", "x\xe2\x80\xa8y", "x\\xe2\\x80\\xa8y",
                 "x\\xe2\\x80\\xa8y"},
         }) {
        const auto line =
            describe(core::events::client_gone{{.application_name = application_name}, "closed"});
        EXPECT_EQ(text_of(line), "2026-11-22T06:30:00.000Z debug client_gone id=000000000000002a "
                                 "application_name="s +
                                     in_text + " reason=closed")
            << name;
        EXPECT_EQ(json_of(line), (json::object{{"time", "2026-11-22T06:30:00.000Z"},
                                               {"level", "debug"},
                                               {"event", "client_gone"},
                                               {"id", "000000000000002a"},
                                               {"application_name", in_json},
                                               {"reason", "closed"}}))
            << name;
    }
}

TEST(telemetry_log_format, every_event_is_one_line_and_its_json_keeps_every_field) {
    for (const auto& event : test::sample_events()) {
        const auto line = describe(event);
        const auto text = text_of(line);
        for (const char c : text + to_json(epiphany, event_id{1}, line)) {
            ASSERT_TRUE(c >= 0x20 && c < 0x7f) << text;
        }
        EXPECT_EQ(json_of(line).size(), 4 + line.fields.size()) << text;
    }
}

} // namespace
} // namespace roachpin
