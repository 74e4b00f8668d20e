#include "policy/roster.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using policy::place_state;
using policy::roster;
using kind = roster::failure_kind;

core::endpoint at(const std::string& text) {
    return core::endpoint::parse(text).value();
}

policy::node named(const std::string& host, std::vector<core::endpoint> endpoints = {}) {
    return {core::host_name::parse(host).value(), std::move(endpoints)};
}

const auto one = at("10.1.2.3:26257");
const auto two = at("10.1.2.4:26257");
const core::time_point start{1h};
const auto host_a = core::host_name::parse("a").value();

const roster::failure refused{kind::down, "refused", "connection refused"};
const roster::failure wrong_name{kind::hostile, "wrong_name", "wrong name"};
const roster::failure draining{kind::not_ready, "57P01", "draining"};

using endpoints = std::vector<core::endpoint>;

/// Those that are usable, of all nodes.
endpoints usable(const roster& from) {
    endpoints all;
    for (const auto& member : from.members()) {
        if (member.usable) {
            all.push_back(member.at.where);
        }
    }
    return all;
}

/// Those that may be tried when nothing else is left.
endpoints last_resort(const roster& from) {
    endpoints all;
    for (const auto& member : from.members()) {
        if (!member.usable) {
            all.push_back(member.at.where);
        }
    }
    return all;
}

/// Has every place prove itself.
void prove_all(roster& places, core::time_point now = start) {
    for (const auto& due : places.take_due(now)) {
        places.proved(due, {now});
    }
}

TEST(policy_roster, pinned_addresses_are_usable_from_the_beginning) {
    const roster places({named("a", {one, two}), named("b")});
    EXPECT_EQ(usable(places), (endpoints{one, two}));
    EXPECT_FALSE(places.is_any_proved());
}

TEST(policy_roster, a_resolved_address_enters_by_its_proof_alone) {
    roster places({named("a")});
    EXPECT_FALSE(places.set_addresses(0, {one}));
    EXPECT_TRUE(places.members().empty());
    const auto due = places.take_due(start);
    ASSERT_EQ(due.size(), 1U);
    places.failed(due[0], wrong_name, {start});
    EXPECT_TRUE(places.members().empty());
    const auto change = places.proved(due[0], {start});
    EXPECT_TRUE(change.rotation);
    EXPECT_TRUE(change.news);
    EXPECT_EQ(change.state, place_state::ready);
    EXPECT_EQ(usable(places), endpoints{one});
    EXPECT_EQ(places.proofs_of(0).now, endpoints{one});
    EXPECT_TRUE(places.is_any_proved());
}

TEST(policy_roster, an_address_that_is_not_allowed_any_more_leaves) {
    roster places({named("a")});
    places.set_addresses(0, {one, two});
    prove_all(places);
    EXPECT_TRUE(places.set_addresses(0, {two}));
    EXPECT_EQ(usable(places), endpoints{two});
    EXPECT_FALSE(places.set_addresses(0, {two}));
}

TEST(policy_roster, the_outcome_for_an_address_that_has_left_is_nothing) {
    roster places({named("a")});
    places.set_addresses(0, {one});
    const auto due = places.take_due(start);
    places.set_addresses(0, {});
    EXPECT_FALSE(places.proved(due.at(0), {start}).rotation);
    EXPECT_FALSE(places.failed(due.at(0), refused, {start}).news);
    EXPECT_FALSE(places.refused(due.at(0), draining, {start}).news);
    EXPECT_TRUE(places.members().empty());
    EXPECT_FALSE(places.next_due());
}

TEST(policy_roster, a_pinned_address_is_no_resolved_ones_to_take_away) {
    roster places({named("a", {one})});
    EXPECT_FALSE(places.set_addresses(0, {}));
    EXPECT_EQ(usable(places), endpoints{one});
}

TEST(policy_roster, each_place_has_one_dial_at_a_time_and_failing_ones_back_off) {
    roster places({named("a", {one})});
    const auto due = places.take_due(start);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_TRUE(places.take_due(start + 1h).empty());
    EXPECT_FALSE(places.next_due());
    EXPECT_EQ(places.failed(due[0], refused, {start}).again, 1s);
    EXPECT_EQ(places.next_due(), start + 1s);
    EXPECT_TRUE(places.take_due(start + 999ms).empty());
    for (const auto wait : {2s, 4s, 8s, 16s, 30s, 30s}) {
        ASSERT_EQ(places.take_due(start + 1h).size(), 1U);
        EXPECT_EQ(places.failed(due[0], refused, {start}).again, wait);
    }
    places.take_due(start + 1h);
    EXPECT_EQ(places.proved(due[0], {start}).again, 5s); // health.interval
    places.take_due(start + 1h);
    EXPECT_EQ(places.failed(due[0], refused, {start}).again, 1s);
}

TEST(policy_roster, a_proved_place_is_proved_again_after_the_interval) {
    roster places({named("a", {one})}, {.interval = 20s});
    prove_all(places);
    EXPECT_EQ(places.next_due(), start + 20s);
    EXPECT_TRUE(places.take_due(start + 19s).empty());
    EXPECT_EQ(places.take_due(start + 20s).size(), 1U);
}

TEST(policy_roster, chance_shortens_each_wait_by_a_tenth_at_most) {
    roster places({named("a", {one})}, {.interval = 10s});
    const auto due = places.take_due(start);
    EXPECT_EQ(places.proved(due[0], {start, 0.5}).again, 9500ms);
    EXPECT_EQ(places.failed(due[0], refused, {start, 0.999}).again, 900ms);
}

TEST(policy_roster, a_usable_place_falls_after_so_many_failures_in_a_row) {
    roster places({named("a", {one, two})}, {.fall = 3});
    prove_all(places);
    const roster::place failing{0, one};
    auto change = places.failed(failing, refused, {start});
    EXPECT_FALSE(change.rotation);
    EXPECT_TRUE(change.news);
    EXPECT_EQ(change.state, place_state::failing);
    EXPECT_EQ(usable(places), (endpoints{one, two}));
    EXPECT_EQ(places.proofs_of(0).now, endpoints{two}); // its last dial did not hold
    EXPECT_FALSE(places.failed(failing, refused, {start}).news);
    places.proved(failing, {start}); // not in a row
    places.failed(failing, refused, {start});
    places.failed(failing, refused, {start});
    change = places.failed(failing, refused, {start});
    EXPECT_TRUE(change.rotation);
    EXPECT_TRUE(change.news);
    EXPECT_EQ(change.state, place_state::down);
    EXPECT_EQ(usable(places), endpoints{two});
    EXPECT_EQ(last_resort(places), endpoints{one});
}

TEST(policy_roster, a_look_that_could_not_be_had_changes_nothing_and_is_soon_again) {
    roster places({named("a", {one})}, {.interval = 5s, .fall = 1});
    prove_all(places);
    for (auto now = start + 5s; now < start + 10s; now += 1s) {
        const auto due = places.take_due(now);
        ASSERT_EQ(due.size(), 1U);
        const auto change = places.postponed(due[0], {now});
        EXPECT_FALSE(change.news || change.rotation);
        EXPECT_EQ(change.state, place_state::ready);
        EXPECT_EQ(change.again, 1s);
    }
    EXPECT_EQ(usable(places), endpoints{one});
    EXPECT_TRUE(places.is_any_proved());
    EXPECT_TRUE(places.failures().empty());
}

TEST(policy_roster, a_place_that_fell_rises_after_so_many_proofs_in_a_row) {
    roster places({named("a", {one})}, {.fall = 1, .rise = 2});
    prove_all(places); // the first proof admits, whatever `rise` is
    const roster::place here{0, one};
    EXPECT_EQ(usable(places), endpoints{one});
    places.failed(here, refused, {start});
    EXPECT_FALSE(places.proved(here, {start}).rotation);
    EXPECT_EQ(usable(places), endpoints{});
    places.failed(here, refused, {start}); // not in a row
    EXPECT_FALSE(places.proved(here, {start}).rotation);
    const auto change = places.proved(here, {start});
    EXPECT_TRUE(change.rotation);
    EXPECT_TRUE(change.news);
    EXPECT_EQ(usable(places), endpoints{one});
}

TEST(policy_roster, a_hostile_place_is_out_at_once_and_so_is_one_that_is_not_ready) {
    for (const auto& why : {wrong_name, draining}) {
        roster places({named("a", {one, two})}, {.fall = 9});
        prove_all(places);
        const auto change = places.failed({0, one}, why, {start});
        EXPECT_TRUE(change.rotation);
        EXPECT_EQ(change.state,
                  why.kind == kind::hostile ? place_state::hostile : place_state::not_ready);
        EXPECT_EQ(usable(places), endpoints{two});
    }
}

TEST(policy_roster, a_session_that_was_refused_takes_a_place_out_until_its_next_look) {
    roster places({named("a", {one, two})});
    prove_all(places);
    const auto change = places.refused({0, one}, draining, {start + 1s});
    EXPECT_TRUE(change.rotation);
    EXPECT_EQ(change.again, 5s);
    EXPECT_EQ(usable(places), endpoints{two});
    EXPECT_EQ(places.take_due(start + 5s).size(), 1U); // the other one
    ASSERT_EQ(places.take_due(start + 6s).size(), 1U);
    EXPECT_TRUE(places.proved({0, one}, {start + 6s}).rotation);
}

TEST(policy_roster, a_refusal_leaves_a_look_that_is_under_way_alone) {
    roster places({named("a", {one})});
    const auto due = places.take_due(start);
    places.refused(due[0], draining, {start});
    EXPECT_TRUE(places.take_due(start + 1h).empty());
}

TEST(policy_roster, another_reason_is_news_and_the_same_is_none) {
    roster places({named("a", {one})}, {.fall = 1});
    const roster::place here{0, one};
    EXPECT_TRUE(places.failed(here, refused, {start}).news);
    EXPECT_FALSE(places.failed(here, refused, {start}).news);
    EXPECT_TRUE(places.failed(here, {kind::down, "timeout", ""}, {start}).news);
    EXPECT_TRUE(places.failed(here, wrong_name, {start}).news);
    EXPECT_TRUE(places.proved(here, {start}).news);
    EXPECT_FALSE(places.proved(here, {start}).news);
}

TEST(policy_roster, what_is_down_and_what_is_hostile_are_told_apart) {
    roster places({named("a", {one, two})});
    const auto due = places.take_due(start);
    places.failed(due.at(0), refused, {start});
    places.failed(due.at(1), wrong_name, {start});
    EXPECT_EQ(places.failures(),
              (std::vector<std::string>{"a at 10.1.2.3:26257: connection refused",
                                        "a at 10.1.2.4:26257: wrong name"}));
    EXPECT_EQ(places.hostile(), (std::vector<std::string>{"a at 10.1.2.4:26257: wrong name"}));
}

TEST(policy_roster, a_doubted_place_is_proved_anew_at_once_and_stays_meanwhile) {
    roster places({named("a")});
    places.set_addresses(0, {one, two});
    prove_all(places);
    places.doubt(host_a, one);
    EXPECT_EQ(places.proofs_of(0).now, endpoints{two});
    EXPECT_EQ(usable(places), (endpoints{one, two}));
    const auto due = places.take_due(start);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].where, one);
    EXPECT_FALSE(places.proved(due[0], {start}).rotation); // it was in rotation all the time
    EXPECT_EQ(places.proofs_of(0).now, (endpoints{one, two}));
}

TEST(policy_roster, only_what_was_proved_can_be_doubted) {
    roster places({named("a")});
    places.set_addresses(0, {one});
    const auto due = places.take_due(start);
    places.doubt(host_a, one); // it is being proved as it is
    EXPECT_TRUE(places.take_due(start).empty());
    places.failed(due.at(0), refused, {start});
    places.doubt(host_a, one);
    EXPECT_EQ(places.next_due(), start + 1s); // its back-off is not cut short
    places.doubt(core::host_name::parse("b").value(), one);
    EXPECT_EQ(places.next_due(), start + 1s);
}

TEST(policy_roster, the_last_places_stay_where_sessions_may_try_them) {
    roster places({named("a")}, {.fall = 1});
    places.set_addresses(0, {one});
    prove_all(places);
    places.set_addresses(0, {one, two}); // two never proved itself
    places.doubt(host_a, one);
    for (const auto& due : places.take_due(start)) {
        places.failed(due, refused, {start});
    }
    EXPECT_EQ(usable(places), endpoints{});
    EXPECT_EQ(last_resort(places), endpoints{one});
    EXPECT_FALSE(places.is_any_proved());
}

TEST(policy_roster, the_next_one_learns_what_the_last_one_knew_of_places_that_stay) {
    roster before({named("a"), named("b", {two})}, {.fall = 1});
    before.set_addresses(0, {one});
    prove_all(before);
    before.failed({1, two}, wrong_name, {start});
    *before.members()[0].at.status->sessions = 3;

    roster after({named("b", {two}), named("a")});
    after.set_addresses(1, {one});
    EXPECT_EQ(usable(after), endpoints{two});
    after.learn_from(before);
    EXPECT_EQ(usable(after), endpoints{one});
    EXPECT_EQ(last_resort(after), endpoints{two});
    EXPECT_FALSE(after.is_any_proved());
    EXPECT_EQ(after.take_due(start).size(), 2U); // whatever was proved, it was under other rules
    for (const auto& member : after.members()) {
        EXPECT_EQ(*member.at.status->sessions, member.at.where == one ? 3U : 0U);
        EXPECT_EQ(member.at.status->proved_at.load(), core::time_point::min());
    }
}

TEST(policy_roster, what_another_node_proved_at_an_address_is_not_learnt) {
    roster before({named("a", {one})});
    prove_all(before);
    roster after({named("b")});
    after.set_addresses(0, {one});
    after.learn_from(before);
    EXPECT_TRUE(after.members().empty());
}

TEST(policy_roster, a_pinned_address_that_was_never_proved_is_no_proof_once_it_is_resolved) {
    const roster before({named("a", {one})});
    roster after({named("a")});
    after.set_addresses(0, {one});
    after.learn_from(before);
    EXPECT_TRUE(after.members().empty());
}

TEST(policy_roster, a_proof_has_its_time) {
    roster places({named("a", {one})});
    prove_all(places, start + 7s);
    EXPECT_EQ(places.members()[0].at.status->proved_at.load(), start + 7s);
}

TEST(policy_roster, a_proof_ends_where_somebody_else_answers) {
    roster places({named("a", {one})});
    const auto proved_at = [&] {
        return places.members()[0].at.status->proved_at.load();
    };
    prove_all(places, start);
    places.failed({0, one}, refused, {start + 5s});
    EXPECT_EQ(proved_at(), start); // it may have been lost on the way
    places.failed({0, one}, wrong_name, {start + 6s});
    EXPECT_EQ(proved_at(), core::time_point::min());
}

} // namespace
} // namespace roachpin
