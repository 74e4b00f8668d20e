#include "telemetry/metric_catalogue.hpp"
#include "telemetry/metrics.hpp"
#include "unit/telemetry/sample_events.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using telemetry::metric_catalogue;
using testing::HasSubstr;
using testing::Not;
namespace events = core::events;

telemetry::status whole_status() {
    const telemetry::wall_time end{1893456000s};
    telemetry::status now{.version = "0.1.0", .ready = true, .connections = 3};
    now.max_connections = 4096;
    now.log_lines_lost = 7;
    now.listeners = {{"127.0.0.1:26257", "originate", "none", 3, 1024}};
    telemetry::place_report place{.address = "10.1.2.3:26257", .state = "hostile"};
    place.spares = 2;
    place.proof = telemetry::proof_status{.not_after = end};
    telemetry::node_report node{.host = "crdb.internal", .places = {place}};
    node.name = telemetry::name_report{.asked = "crdb.internal", .last_success = end};
    node.bytes_to_node = 12;
    now.nodes = {node};
    now.certificates = {{"cluster.ca_file", "CN=CA", end}, {"listeners[0].tls", "CN=l", end}};
    return now;
}

/// After one of each event.
std::string text_of_everything() {
    telemetry::metrics metrics;
    for (const auto& event : test::sample_events()) {
        metrics.on_event(core::event_id{1}, event);
    }
    metrics.on_event(core::event_id{1},
                     events::dns_reply_refused{.server = "s", .reason = "forged", .number = 3});
    return metrics.to_text(whole_status());
}

std::set<std::string> names_in(const std::string& text, const std::string& prefix) {
    std::set<std::string> names;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(prefix)) {
            line.erase(0, prefix.size());
            names.insert(line.substr(0, line.find(' ')));
        }
    }
    return names;
}

std::set<std::string> catalogued() {
    std::set<std::string> names;
    for (const auto& one : metric_catalogue()) {
        names.emplace(one.name);
    }
    return names;
}

TEST(telemetry_metrics, everything_that_is_catalogued_is_shown_and_nothing_else) {
    const auto text = text_of_everything();
    EXPECT_EQ(names_in(text, "# TYPE "), catalogued());
}

TEST(telemetry_metrics, events_are_counted_under_their_labels) {
    const auto text = text_of_everything();
    for (const char* line : {
             "roachpin_config_reloads_total{result=\"success\"} 1",
             "roachpin_config_reloads_total{result=\"failure\"} 1",
             "roachpin_client_connections_total{listener=\"127.0.0.1:26257\",result=\"session\"} 1",
             "roachpin_client_connections_total{listener=\"127.0.0.1:26257\",result=\"cancel\"} 2",
             "roachpin_client_connections_total{listener=\"127.0.0.1:26257\",result=\"gone\"} 1",
             "roachpin_client_rejections_total{listener=\"127.0.0.1:26257\",reason=\"wrong_name\"} "
             "1",
             "roachpin_establish_seconds_sum{node=\"crdb.internal\"} 1.5",
             "roachpin_session_seconds_sum 0.005",
             "roachpin_session_ends_total{reason=\"cut\"} 0",
             "roachpin_accept_failures_total{listener=\"127.0.0.1:26257\"} 1",
             "roachpin_internal_errors_total 1",
             "roachpin_log_lines_lost_total 7",
             "roachpin_startup_replays_total{reason=\"57P01\"} 1",
             "roachpin_cancel_requests_total{result=\"owner\"} 1",
             "roachpin_upstream_dials_total{node=\"crdb.internal\",result=\"hostile\"} 1",
             "roachpin_upstream_verification_failures_total{node=\"crdb.internal\",reason=\"wrong_"
             "name\"} 1",
             "roachpin_upstream_dial_seconds_count{node=\"crdb.internal\",phase=\"tcp\"} 1",
             "roachpin_dns_forged_replies_total{server=\"s\"} 3",
             "roachpin_dns_answers_refused_total{host=\"crdb.internal\",reason=\"not_allowed\"} 1",
             "roachpin_node_state{node=\"crdb.internal\",address=\"10.1.2.3:26257\",state="
             "\"hostile\"} 1",
             "roachpin_node_state{node=\"crdb.internal\",address=\"10.1.2.3:26257\",state="
             "\"ready\"} 0",
             "roachpin_bytes_total{node=\"crdb.internal\",direction=\"to_node\"} 12",
             "roachpin_upstream_spares{node=\"crdb.internal\"} 2",
             "roachpin_ca_certificate_not_after_timestamp_seconds{subject=\"CN=CA\"} 1893456000",
         }) {
        EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
    }
    EXPECT_THAT(text, Not(HasSubstr("phase=\"tls\""))) << "a phase that was not completed";
}

/// A series twice spoils the whole scrape: two roots of one name, while the CA is rotated.
TEST(telemetry_metrics, no_series_is_shown_twice) {
    auto now = whole_status();
    now.certificates.push_back(now.certificates.front());
    now.nodes.push_back(now.nodes.front());
    std::istringstream lines(telemetry::metrics().to_text(now));
    std::set<std::string> seen;
    for (std::string line; std::getline(lines, line);) {
        EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second || line.starts_with("#"))
            << line;
    }
}

TEST(telemetry_metrics, what_is_expected_is_there_before_it_happens) {
    telemetry::metrics metrics;
    metrics.expect({{"crdb.internal"}, {"crdb.internal"}, {"127.0.0.1:26257"}});
    const auto text = metrics.to_text({});
    EXPECT_THAT(text, HasSubstr("roachpin_upstream_dials_total{node=\"crdb.internal\",result="
                                "\"hostile\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("roachpin_dns_answers_refused_total{host=\"crdb.internal\",reason="
                                "\"not_allowed\"} 0\n"));
}

TEST(telemetry_metrics, silence_is_no_refused_answer) {
    telemetry::metrics metrics;
    events::dns_answer_refused silent{"crdb.internal", "s", "nxdomain", "DNS-NXDOMAIN", ""};
    silent.is_silence = true;
    metrics.on_event(core::event_id{1}, silent);
    EXPECT_EQ(metrics.since_start().dns_refused, 0U);
    silent.is_silence = false;
    metrics.on_event(core::event_id{1}, silent);
    EXPECT_EQ(metrics.since_start().dns_refused, 1U);
}

/// The page that the reference should have; what is missing there can be taken from here.
std::string reference() {
    std::string page;
    for (const auto& one : metric_catalogue()) {
        std::string labels;
        for (const auto label : one.labels) {
            labels += (labels.empty() ? "`" : ", `") + std::string(label) + "`";
        }
        page.append("| `").append(one.name).append("` | ").append(to_string(one.kind));
        page.append(" | ").append(labels).append(" | ").append(one.help).append(" |\n");
    }
    return page;
}

TEST(telemetry_metrics, each_is_in_the_reference) {
    std::ifstream file(std::string(ROACHPIN_CONFIG_DIR) + "/metrics.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    EXPECT_THAT(page, HasSubstr(reference()));
}

} // namespace
} // namespace roachpin
