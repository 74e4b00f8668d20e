#include "app/status_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using policy::place_state;
using testing::ElementsAre;

core::endpoint at(const std::string& text) {
    return core::endpoint::parse(text).value();
}

settings::node pinned(const std::string& host) {
    settings::node node{core::host_name::parse(host).value(), ""};
    node.found = settings::pinned{{core::ip_address::parse("10.1.2.3").value()}};
    return node;
}

settings::node resolved(const std::string& host) {
    settings::node node{core::host_name::parse(host).value(), ""};
    settings::resolved by_name;
    by_name.allow = {core::cidr::parse("10.1.0.0/16").value(),
                     core::cidr::parse("10.2.0.0/16").value()};
    by_name.deny = {core::cidr::parse("10.2.9.0/24").value()};
    node.found = by_name;
    return node;
}

net::standing::place place(std::size_t node, const std::string& where, place_state state,
                           bool usable) {
    net::standing::place made{{{node, at(where)}}};
    made.what.state = state;
    made.what.usable = usable;
    return made;
}

const app::moment now{core::time_point{1h}, telemetry::wall_time{1'000'000s}};

net::standing::proof a_minute_ago() {
    return {core::time_point{59min},
            {core::host_name::parse("a").value(), "CN=a", "CN=ca", core::spki_pin({}),
             telemetry::wall_time{2'000'000s}, "TLSv1.3"}};
}

app::node_counts no_counts() {
    return {{}, [](const auto&, const auto&) {
                return std::size_t{0};
            }};
}

std::vector<telemetry::node_report> report(const settings::cluster& configured,
                                           const net::standing& standing) {
    return app::report_nodes(configured, standing, no_counts(), now);
}

TEST(app_status_report, each_address_names_the_rule_that_let_it_in) {
    settings::cluster configured;
    configured.nodes = {pinned("a"), resolved("b")};
    net::standing standing;
    standing.places = {place(0, "10.1.2.3:26257", place_state::ready, true),
                       place(1, "10.2.0.1:26257", place_state::ready, true)};
    const auto nodes = report(configured, standing);
    ASSERT_EQ(nodes.size(), 2U);
    EXPECT_EQ(nodes[0].places[0].allowed_by, "pinned");
    EXPECT_THAT(nodes[0].rules, ElementsAre("addresses: 10.1.2.3"));
    EXPECT_EQ(nodes[1].places[0].allowed_by, "allow: 10.2.0.0/16");
    EXPECT_THAT(nodes[1].rules,
                ElementsAre("allow: 10.1.0.0/16, 10.2.0.0/16", "deny: 10.2.9.0/24"));
}

TEST(app_status_report, a_place_that_failed_says_why_and_what_it_proved_before) {
    settings::cluster configured;
    configured.nodes = {pinned("a")};
    auto failed = place(0, "10.1.2.3:26257", place_state::hostile, false);
    failed.what.last = {policy::roster::failure_kind::hostile, "wrong_name", "tls\x1b[2J"};
    failed.what.sessions = 3;
    failed.last_proof = a_minute_ago();
    net::standing standing;
    standing.places = {failed};
    const auto shown = report(configured, standing)[0].places[0];
    EXPECT_EQ(shown.state, "hostile");
    EXPECT_EQ(shown.reason, "wrong_name");
    EXPECT_EQ(shown.why, "tls\\x1b[2J");
    EXPECT_EQ(shown.connections, 3U);
    ASSERT_TRUE(shown.proof);
    EXPECT_EQ(shown.proof->at, telemetry::wall_time{999'940s});
    EXPECT_EQ(shown.proof->not_after, telemetry::wall_time{2'000'000s});
}

TEST(app_status_report, what_servers_say_is_told_with_its_finding) {
    settings::cluster configured;
    configured.nodes = {resolved("b")};
    net::standing::name name{0, core::dns_name::parse("b").value()};
    name.last_good = core::time_point{30min};
    name.servers = {{"10.0.0.53"},
                    {"10.0.0.54", policy::server_trouble{1, "not_allowed", "DNS-ADDRESS-UNEXPECTED",
                                                         "10.9.9.9 is outside allow", true}}};
    name.waiting = 2;
    net::standing standing;
    standing.names = {name};
    const auto nodes = report(configured, standing);
    const auto& shown = nodes[0].name.value();
    EXPECT_EQ(shown.last_success, telemetry::wall_time{1'000'000s - 30min});
    ASSERT_EQ(shown.servers.size(), 2U);
    EXPECT_TRUE(shown.servers[0].clean);
    EXPECT_FALSE(shown.servers[1].clean);
    EXPECT_TRUE(shown.servers[1].refused);
    EXPECT_EQ(shown.servers[1].finding, "DNS-ADDRESS-UNEXPECTED");
    EXPECT_EQ(shown.waiting_for_agreement, 2U);
}

/// Where sessions may be had, once somebody has looked.
TEST(app_status_report, usable_is_what_was_proved_and_is_in_rotation) {
    settings::cluster configured;
    configured.nodes = {pinned("a"), resolved("b")};
    const auto seen = [&](std::vector<net::standing::place> places) {
        net::standing standing;
        standing.places = std::move(places);
        const auto made = app::usability_of(report(configured, standing));
        return std::pair{made.anywhere, made.everywhere};
    };
    auto good = place(0, "10.1.2.3:26257", place_state::ready, true);
    auto other = place(1, "10.2.0.1:26257", place_state::failing, true);
    good.last_proof = other.last_proof = a_minute_ago();
    EXPECT_EQ(seen({}), std::pair(false, false));
    for (const auto state : {place_state::unknown, place_state::failing}) {
        EXPECT_EQ(seen({place(0, "10.1.2.3:26257", state, true)}), std::pair(false, false))
            << "it never proved itself";
    }
    EXPECT_EQ(seen({good}), std::pair(true, false)) << "a name without an address";
    EXPECT_EQ(seen({good, other}), std::pair(true, true));
    EXPECT_EQ(seen({good, place(1, "10.2.0.1:26257", place_state::down, false)}),
              std::pair(true, false));
}

} // namespace
} // namespace roachpin
