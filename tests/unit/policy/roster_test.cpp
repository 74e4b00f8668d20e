#include "policy/roster.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using policy::roster;

core::endpoint at(const std::string& text) {
    return core::endpoint::parse(text).value();
}

policy::node named(const std::string& host, std::vector<core::endpoint> endpoints = {}) {
    return {core::host_name::parse(host).value(), std::move(endpoints)};
}

const auto one = at("10.1.2.3:26257");
const auto two = at("10.1.2.4:26257");
const core::time_point start{1h};

/// Endpoints in rotation, of all nodes.
std::vector<core::endpoint> rotation(const roster& from) {
    std::vector<core::endpoint> all;
    for (const auto& node : from.in_rotation()) {
        all.insert(all.end(), node.endpoints.begin(), node.endpoints.end());
    }
    return all;
}

using endpoints = std::vector<core::endpoint>;

TEST(policy_roster, pinned_addresses_are_in_rotation_from_the_beginning) {
    const roster places({named("a", {one, two}), named("b")});
    EXPECT_EQ(rotation(places), (endpoints{one, two}));
    EXPECT_FALSE(places.is_any_proved());
}

TEST(policy_roster, a_resolved_address_enters_by_its_proof_alone) {
    roster places({named("a")});
    EXPECT_FALSE(places.set_addresses(0, {one}));
    EXPECT_EQ(rotation(places), endpoints{});
    const auto due = places.take_due(start);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(rotation(places), endpoints{});
    places.failed(due[0], {true, "wrong name"}, start);
    EXPECT_EQ(rotation(places), endpoints{});
    EXPECT_TRUE(places.proved(due[0]));
    EXPECT_EQ(rotation(places), endpoints{one});
    EXPECT_EQ(places.proofs_of(0).now, endpoints{one});
    EXPECT_TRUE(places.is_any_proved());
}

TEST(policy_roster, an_address_that_is_not_allowed_any_more_leaves) {
    roster places({named("a")});
    places.set_addresses(0, {one, two});
    for (const auto& due : places.take_due(start)) {
        places.proved(due);
    }
    EXPECT_TRUE(places.set_addresses(0, {two}));
    EXPECT_EQ(rotation(places), endpoints{two});
    EXPECT_FALSE(places.set_addresses(0, {two}));
}

TEST(policy_roster, the_outcome_for_an_address_that_has_left_is_nothing) {
    roster places({named("a")});
    places.set_addresses(0, {one});
    const auto due = places.take_due(start);
    places.set_addresses(0, {});
    EXPECT_FALSE(places.proved(due.at(0)));
    places.failed(due.at(0), {}, start);
    EXPECT_EQ(rotation(places), endpoints{});
    EXPECT_FALSE(places.next_due());
}

TEST(policy_roster, a_pinned_address_is_no_resolved_ones_to_take_away) {
    roster places({named("a", {one})});
    EXPECT_FALSE(places.set_addresses(0, {}));
    EXPECT_EQ(rotation(places), endpoints{one});
}

TEST(policy_roster, each_place_has_one_dial_at_a_time_and_failing_ones_back_off) {
    roster places({named("a", {one})});
    const auto due = places.take_due(start);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_TRUE(places.take_due(start + 1h).empty());
    EXPECT_FALSE(places.next_due());
    EXPECT_EQ(places.failed(due[0], {}, start), 1s);
    EXPECT_EQ(places.next_due(), start + 1s);
    EXPECT_TRUE(places.take_due(start + 999ms).empty());
    ASSERT_EQ(places.take_due(start + 1s).size(), 1U);
    EXPECT_EQ(places.failed(due[0], {}, start), 2s);
    places.take_due(start + 1h);
    places.proved(due[0]);
    EXPECT_FALSE(places.next_due()); // nothing is left to prove
}

TEST(policy_roster, what_is_down_and_what_is_hostile_are_told_apart) {
    roster places({named("a", {one, two})});
    const auto due = places.take_due(start);
    places.failed(due.at(0), {false, "connection refused"}, start);
    places.failed(due.at(1), {true, "wrong name"}, start);
    EXPECT_EQ(places.failures(),
              (std::vector<std::string>{"a at 10.1.2.3:26257: connection refused",
                                        "a at 10.1.2.4:26257: wrong name"}));
    EXPECT_EQ(places.hostile(), (std::vector<std::string>{"a at 10.1.2.4:26257: wrong name"}));
}

/// Its only place has proved itself.
roster with_a_proved_place(policy::node node, const endpoints& allowed) {
    roster places({std::move(node)});
    places.set_addresses(0, allowed);
    for (const auto& due : places.take_due(start)) {
        places.proved(due);
    }
    return places;
}

TEST(policy_roster, a_doubted_place_is_proved_anew_at_once_and_stays_meanwhile) {
    auto places = with_a_proved_place(named("a"), {one, two});
    places.doubt(core::host_name::parse("a").value(), one);
    EXPECT_EQ(places.proofs_of(0).now, endpoints{two});
    EXPECT_EQ(rotation(places), (endpoints{one, two}));
    const auto due = places.take_due(start);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].where, one);
    EXPECT_FALSE(places.proved(due[0])); // it was in rotation all the time
    EXPECT_EQ(places.proofs_of(0).now, (endpoints{one, two}));
}

TEST(policy_roster, only_what_was_proved_can_be_doubted) {
    roster places({named("a")});
    places.set_addresses(0, {one});
    const auto due = places.take_due(start);
    places.doubt(core::host_name::parse("a").value(), one); // it is being proved as it is
    EXPECT_TRUE(places.take_due(start).empty());
    places.failed(due.at(0), {}, start);
    places.doubt(core::host_name::parse("a").value(), one);
    EXPECT_EQ(places.next_due(), start + 1s); // its back-off is not cut short
    places.doubt(core::host_name::parse("b").value(), one);
    EXPECT_EQ(places.next_due(), start + 1s);
}

TEST(policy_roster, a_doubted_place_that_fails_leaves_while_another_is_left) {
    auto places = with_a_proved_place(named("a"), {one, two});
    places.doubt(core::host_name::parse("a").value(), one);
    places.failed(places.take_due(start).at(0), {true, "wrong name"}, start);
    EXPECT_EQ(rotation(places), endpoints{two});
}

TEST(policy_roster, the_last_places_stay_where_sessions_may_try_them) {
    auto places = with_a_proved_place(named("a"), {one});
    places.set_addresses(0, {one, two}); // two never proved itself
    places.doubt(core::host_name::parse("a").value(), one);
    for (const auto& due : places.take_due(start)) {
        places.failed(due, {false, "refused"}, start);
    }
    EXPECT_EQ(rotation(places), endpoints{one});
    EXPECT_FALSE(places.is_any_proved());
}

} // namespace
} // namespace roachpin
