#include "telemetry/status_json.hpp"
#include "unit/telemetry/sample_status.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using boost::json::parse;
using telemetry::to_json;

TEST(telemetry_status_json, says_what_the_page_says) {
    const auto json = parse(to_json(test::sample_status()));
    EXPECT_EQ(json.at("format"), 1);
    EXPECT_EQ(json.at("headline"), "Ready: 2 of 2 addresses prove themselves");
    EXPECT_EQ(json.at("now"), "2026-11-24T12:00:00.000Z");
    EXPECT_EQ(json.at("uptime_seconds"), 5 * 3600);
    const auto& place = json.at("nodes").at(0).at("places").at(0);
    EXPECT_EQ(place.at("state"), "ready");
    EXPECT_EQ(place.at("allowed_by"), "allow: 10.1.0.0/16");
    EXPECT_EQ(place.at("proof").at("days_left"), 89);
    EXPECT_EQ(json.at("nodes").at(0).at("name").at("servers").at(0).at("clean"), true);
    EXPECT_EQ(json.at("rates").at("sessions"), 4.0);
    EXPECT_EQ(json.at("events").at(0).at("event"), "started");
    EXPECT_EQ(json.at("events").at(0).at("workers"), 2);
}

TEST(telemetry_status_json, has_the_same_keys_where_nothing_is_known) {
    const auto empty = parse(to_json({})).as_object();
    const auto full = parse(to_json(test::sample_status())).as_object();
    ASSERT_EQ(empty.size(), full.size());
    for (const auto& [key, value] : full) {
        EXPECT_TRUE(empty.contains(key)) << key;
    }
    EXPECT_TRUE(empty.at("rates").is_null());
}

TEST(telemetry_status_json, texts_of_others_stay_texts) {
    auto of = test::sample_status();
    of.nodes[0].places[0].why = "\"},{\"format\":2}\n\x01";
    const auto json = parse(to_json(of));
    EXPECT_EQ(json.at("nodes").at(0).at("places").at(0).at("why").as_string(),
              of.nodes[0].places[0].why.c_str());
}

} // namespace
} // namespace roachpin
