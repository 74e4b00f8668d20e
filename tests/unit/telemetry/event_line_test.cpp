#include "telemetry/event_line.hpp"
#include "unit/telemetry/sample_events.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
namespace events = core::events;
using telemetry::describe;
using telemetry::severity;

struct shown {
    std::string operator()(const std::string& text) const { return "\"" + text + "\""; }

    std::string operator()(std::uint64_t number) const { return std::to_string(number); }

    std::string operator()(bool flag) const { return flag ? "yes" : "no"; }

    std::string operator()(double seconds) const {
        std::ostringstream text;
        text << seconds << "s";
        return text.str();
    }
};

std::string fields_of(const core::event& event) {
    std::string text;
    for (const auto& [name, value] : describe(event).fields) {
        text += (text.empty() ? "" : " ") + std::string(name) + "=" + std::visit(shown{}, value);
    }
    return text;
}

constexpr const char* client = "connection=\"000000000000beef\" client=\"10.9.8.7:5432\" "
                               "listener=\"127.0.0.1:26257\" user=\"app\" database=\"bank\" "
                               "application_name=\"psql\"";
constexpr const char* node = "node=\"crdb.internal\" address=\"10.1.2.3:26257\"";

TEST(telemetry_event_line, every_event_has_its_line) {
    struct row {
        std::string_view name;
        severity level;
        std::string fields;
    };

    const auto is_client = std::string(client);
    const auto is_both = is_client + " " + node;
    const std::vector<row> expected{
        {"listening", severity::info, "listener=\"127.0.0.1:26257\" tls=\"offered\""},
        {"admin_listening", severity::info, "address=\"127.0.0.1:9257\""},
        {"started", severity::info, "version=\"0.1.0\" workers=4 libraries=\"OpenSSL 3.0.17\""},
        {"local_certificate_made", severity::info,
         "listener=\"127.0.0.1:26257\" export_file=\"/run/roachpin/local.crt\""},
        {"client_refused", severity::warning,
         is_client + " sqlstate=\"08004\" reason=\"wrong_name\" detail=\"expected A, presented B\" "
                     "told=no"},
        {"client_gone", severity::debug, is_client + " reason=\"closed\""},
        {"client_opened", severity::debug, is_client + " seconds=0.0015s"},
        {"session_established", severity::info, is_both + " dials=2 seconds=1.5s"},
        {"session_ended", severity::info,
         is_both + " reason=\"client_closed\" detail=\"reset\" bytes_to_node=18446744073709551615 "
                   "bytes_to_client=12 seconds=0.005s"},
        {"dialled", severity::debug,
         std::string(node) +
             " result=\"hostile\" reason=\"wrong_name\" tcp=0.00025s sslrequest=0.001s"},
        {"dial_failed", severity::error,
         is_both + " phase=\"tls\" reason=\"wrong_name\" detail=\"expected A, presented B\" "
                   "hostile=yes"},
        {"startup_replayed", severity::info, is_both + " reason=\"57P01\""},
        {"cancel_forwarded", severity::info, is_both + " owner=yes"},
        {"cancel_failed", severity::warning, is_client + " reason=\"no node\""},
        {"accept_failed", severity::error,
         "listener=\"127.0.0.1:26257\" reason=\"Too many open files\" retry_after=1s"},
        {"listener_closed", severity::info, "listener=\"127.0.0.1:26257\""},
        {"draining", severity::info, "connections=3 delay=5s timeout=25s"},
        {"drained", severity::info, "cancelled=1"},
        {"dns_asked", severity::debug,
         "host=\"crdb.internal\" server=\"10.0.0.53\" result=\"nxdomain\" seconds=0.0025s"},
        {"dns_reply_refused", severity::warning,
         "host=\"crdb.internal\" server=\"udp://10.0.0.53\" reason=\"other_id\" "
         "detail=\"the id is 1, not 2\""},
        {"dns_answer_refused", severity::warning,
         "host=\"crdb.internal\" server=\"10.0.0.53\" reason=\"not_allowed\" "
         "finding=\"DNS-ADDRESS-UNEXPECTED\" detail=\"10.9.9.9\""},
        {"dns_answers_again", severity::info, "host=\"crdb.internal\" server=\"10.0.0.53\""},
        {"dns_servers_disagree", severity::warning,
         "host=\"crdb.internal\" servers=\"10.0.0.53\" detail=\"10.1.2.3 is named by one\""},
        {"lock_drift", severity::warning, "host=\"crdb.internal\" addresses=\"10.1.2.4:26257\""},
        {"leaf_not_in_lock", severity::info, std::string(node) + " leaf_spki=\"AAAA\""},
        {"names_changed", severity::warning,
         "host=\"crdb.internal\" before=\"10.1.2.3:26257\" after=\"10.1.2.4:26257\" "
         "finding=\"DNS-CHANGE-RATE\" rapid=yes"},
        {"names_stale", severity::error, "host=\"crdb.internal\" stale=yes"},
        {"address_admitted", severity::info, node},
        {"address_not_proved", severity::error,
         std::string(node) + " state=\"hostile\" phase=\"tls\" reason=\"wrong_name\" "
                             "detail=\"expected A, presented B\" hostile=yes retry_after=2s"},
        {"reloaded", severity::warning, "why=\"SIGHUP\" needs_restart=\"workers\" retiring=2"},
        {"reload_failed", severity::error, "why=\"a file changed\" reason=\"roachpin.yaml:2: no\""},
        {"waiting_for_nodes", severity::warning, "reason=\"no node has proved itself yet\""},
        {"internal_error", severity::error, is_client + " reason=\"bad_alloc\""},
    };
    const auto samples = test::sample_events();
    ASSERT_EQ(samples.size(), expected.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const auto line = describe(samples[i]);
        EXPECT_EQ(line.name, expected[i].name);
        EXPECT_EQ(line.level, expected[i].level) << line.name;
        EXPECT_EQ(fields_of(samples[i]), expected[i].fields) << line.name;
    }
}

/// A name used twice, or one the line itself uses, would overwrite a value in JSON.
TEST(telemetry_event_line, no_two_fields_of_a_line_share_a_name) {
    for (const auto& event : test::sample_events()) {
        const auto line = describe(event);
        std::set<std::string_view> names{"time", "level", "event", "id"};
        for (const auto& [name, value] : line.fields) {
            EXPECT_TRUE(names.insert(name).second) << line.name << ": " << name;
        }
    }
}

TEST(telemetry_event_line, event_names_are_distinct) {
    std::set<std::string_view> names;
    for (const auto& event : test::sample_events()) {
        EXPECT_TRUE(names.insert(describe(event).name).second) << describe(event).name;
    }
}

TEST(telemetry_event_line, each_event_is_in_the_reference) {
    std::ifstream file(std::string(ROACHPIN_CONFIG_DIR) + "/events.md");
    const std::string reference{std::istreambuf_iterator<char>(file), {}};
    for (const auto& event : test::sample_events()) {
        const auto name = std::string(describe(event).name);
        EXPECT_NE(reference.find("`" + name + "`"), std::string::npos) << name;
    }
}

TEST(telemetry_event_line, what_is_not_known_is_left_out) {
    EXPECT_EQ(fields_of(events::client_gone{}), "");
    EXPECT_EQ(fields_of(events::client_refused{.client = {.client = "uid:1000"}, .reason = "x"}),
              "client=\"uid:1000\" reason=\"x\"");
    EXPECT_EQ(fields_of(events::local_certificate_made{.listener = "l"}), "listener=\"l\"");
    EXPECT_EQ(fields_of(events::drained{}), "cancelled=0");
    EXPECT_EQ(fields_of(events::dial_failed{}), "hostile=no");
}

TEST(telemetry_event_line, a_cut_session_and_a_node_that_is_merely_down_are_warnings) {
    EXPECT_EQ(describe(events::session_ended{.routine = false}).level, severity::warning);
    EXPECT_EQ(describe(events::client_gone{.in_handshake = true}).level, severity::info);
    EXPECT_EQ(describe(events::dial_failed{.hostile = false}).level, severity::warning);
}

TEST(telemetry_event_line, what_is_only_counted_is_never_written) {
    EXPECT_EQ(describe(events::client_gone{.said_nothing = true}).level, severity::none);
    EXPECT_EQ(describe(events::dns_answer_refused{.news = false}).level, severity::none);
}

/// The id in a client's error leads to a line of its own.
TEST(telemetry_event_line, what_a_client_was_told_is_not_folded) {
    EXPECT_FALSE(describe(events::client_refused{}).may_be_folded);
    EXPECT_TRUE(describe(events::client_refused{.told = false}).may_be_folded);
    EXPECT_FALSE(describe(events::session_ended{.routine = false}).may_be_folded);
    EXPECT_TRUE(describe(events::dial_failed{}).may_be_folded);
}

TEST(telemetry_event_line, every_text_is_made_printable) {
    const std::string hostile = "a\n2026-11-22 error forged\x1b[2J";
    const std::string harmless = "\"a\\x0a2026-11-22 error forged\\x1b[2J\"";
    const core::client_facts facts{
        core::connection_id{}, hostile, hostile, hostile, hostile, hostile};
    const core::node_facts where{hostile, hostile};
    const auto joined = [&](const std::vector<const char*>& names) {
        std::string text;
        for (const auto* name : names) {
            text += (text.empty() ? "" : " ") + std::string(name) + "=" + harmless;
        }
        return text;
    };
    EXPECT_EQ(fields_of(events::client_refused{facts, hostile, hostile, hostile}),
              joined({"client", "listener", "user", "database", "application_name", "sqlstate",
                      "reason", "detail"}));
    EXPECT_EQ(fields_of(events::dial_failed{{}, where, hostile, hostile, hostile, false}),
              joined({"node", "address", "phase", "reason", "detail"}) + " hostile=no");
    EXPECT_EQ(fields_of(events::listening{hostile, hostile}), joined({"listener", "tls"}));
    EXPECT_EQ(fields_of(events::internal_error{{}, hostile}), joined({"reason"}));
}

TEST(telemetry_event_line, a_text_without_an_end_is_cut) {
    const auto line = describe(events::internal_error{{}, std::string(1 << 20, 'x')});
    ASSERT_EQ(line.fields.size(), 1U);
    EXPECT_EQ(std::get<std::string>(line.fields[0].second), std::string(4096, 'x') + "…");
}

} // namespace
} // namespace roachpin
