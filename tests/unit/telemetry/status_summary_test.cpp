#include "telemetry/status_summary.hpp"
#include "unit/telemetry/sample_status.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using telemetry::severity;
using telemetry::status;
using telemetry::subject;
using telemetry::summarise;

TEST(telemetry_status_summary, where_all_is_well_it_says_how_many) {
    const auto all = summarise(test::sample_status());
    EXPECT_EQ(all.headline, "Ready: 2 of 2 addresses prove themselves");
    EXPECT_EQ(all.level, severity::info);
    EXPECT_TRUE(all.concerns.empty());
}

TEST(telemetry_status_summary, a_hostile_node_comes_before_everything) {
    auto of = test::sample_status();
    of.draining = true;
    of.nodes[0].places.push_back(test::hostile_place("10.1.2.9:26257"));
    const auto all = summarise(of);
    EXPECT_EQ(all.headline,
              "HOSTILE: crdb.internal at 10.1.2.9:26257 showed a certificate of another CA");
    EXPECT_EQ(all.level, severity::error);
    of.nodes[0].places.push_back(test::hostile_place("10.1.2.10:26257"));
    EXPECT_TRUE(summarise(of).headline.ends_with(", and 1 more"));
}

TEST(telemetry_status_summary, draining_and_not_ready_are_said) {
    auto of = test::sample_status();
    of.draining = true;
    EXPECT_EQ(summarise(of).headline, "Draining: 3 connections left");
    of = test::sample_status();
    of.ready = false;
    of.not_ready_because = "no verified node can be used\ncrdb.internal: refused";
    EXPECT_EQ(summarise(of).headline, "Not ready: no verified node can be used");
    EXPECT_EQ(summarise(of).level, severity::error);
}

struct spoiled {
    const char* what;
    severity level;
    subject about;
    std::function<void(status&)> change;
};

TEST(telemetry_status_summary, whatever_needs_attention_is_a_concern) {
    const std::vector<spoiled> cases{
        {"takes no sessions", severity::warning, subject::nodes,
         [](status& of) {
             of.nodes[0].places[0].state = "not_ready";
         }},
        {"is down", severity::warning, subject::nodes,
         [](status& of) {
             of.nodes[0].places[0].state = "down";
         }},
        {"is failing", severity::warning, subject::nodes,
         [](status& of) {
             of.nodes[0].places[0].state = "failing";
         }},
        {"expires in 29 days", severity::warning, subject::certificates,
         [](status& of) {
             of.nodes[0].places[0].proof->not_after = of.now + 29 * 24h;
         }},
        {"expired 2 days ago", severity::error, subject::certificates,
         [](status& of) {
             of.certificates[0].not_after = of.now - 48h;
         }},
        {"No new session goes to", severity::error, subject::names,
         [](status& of) {
             of.nodes[0].name->stale = true;
         }},
        {"is not believed", severity::warning, subject::names,
         [](status& of) {
             of.nodes[0].name->servers[0] = {
                 .server = "10.0.0.53", .refused = true, .reason = "not_allowed"};
         }},
        {"gives no answer", severity::warning, subject::names,
         [](status& of) {
             of.nodes[0].name->servers[0] = {.server = "10.0.0.53", .reason = "unreachable"};
         }},
        {"DNS servers disagree", severity::warning, subject::names,
         [](status& of) {
             of.nodes[0].name->dissent = "one says A";
         }},
        {"not in roachpin.lock", severity::warning, subject::names,
         [](status& of) {
             of.nodes[0].name->outside_lock = {"10.1.2.9:26257"};
         }},
        {"Too few DNS servers", severity::info, subject::names,
         [](status& of) {
             of.nodes[0].name->waiting_for_agreement = 1;
         }},
        {"All 4096 connections are taken", severity::warning, subject::connections,
         [](status& of) {
             of.connections = 4096;
         }},
        {"of 127.0.0.1:26257 are taken", severity::warning, subject::connections,
         [](status& of) {
             of.listeners[0].connections = 1024;
         }},
        {"is not in force", severity::warning, subject::configuration,
         [](status& of) {
             of.last_reload.succeeded = false;
         }},
    };
    for (const auto& one : cases) {
        auto of = test::sample_status();
        one.change(of);
        const auto all = summarise(of);
        ASSERT_EQ(all.concerns.size(), 1U) << one.what;
        EXPECT_NE(all.concerns[0].sentence.find(one.what), std::string::npos)
            << one.what << ": " << all.concerns[0].sentence;
        EXPECT_EQ(all.concerns[0].level, one.level) << one.what;
        EXPECT_EQ(all.concerns[0].about, one.about) << one.what;
        EXPECT_EQ(all.level, one.level) << one.what;
        if (one.level != severity::error) {
            EXPECT_TRUE(all.headline.ends_with("; 1 thing needs attention")) << all.headline;
        }
    }
}

TEST(telemetry_status_summary, rates_are_between_the_last_two_samples) {
    auto of = test::sample_status();
    EXPECT_DOUBLE_EQ(telemetry::latest_rates(of).value().sessions, 4);
    of.history.pop_back();
    EXPECT_FALSE(telemetry::latest_rates(of));
    of.history.push_back(of.history.back());
    EXPECT_FALSE(telemetry::latest_rates(of)) << "no time passed";
}

} // namespace
} // namespace roachpin
