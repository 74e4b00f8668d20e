#include "policy/pin_policy.hpp"
#include "unit/policy/pin_story.hpp"

#include <gtest/gtest.h>

#include <string>

/// Addresses against `max_addresses`, against proof, and against rules that have changed.
namespace roachpin {
namespace {

using namespace answers;

TEST(policy_pin_policy, where_there_is_no_room_newcomers_wait) {
    story host;
    host.rules.answers.max_addresses = 3;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"}), says(1, {"10.1.0.1", "10.1.0.2"})});
    const auto made = host.after(
        5s, {says(0, {"10.1.0.1", "10.1.0.2"}), says(1, {"10.1.0.3", "10.1.0.4", "10.1.0.5"})});
    EXPECT_EQ(written(made.usable), (texts{"10.1.0.1", "10.1.0.2", "10.1.0.3"}));
    EXPECT_EQ(written(made.added), texts{"10.1.0.3"});
}

TEST(policy_pin_policy, the_room_goes_to_who_has_most_votes) {
    story host;
    host.rules.answers.max_addresses = 2;
    EXPECT_EQ(host.usable(0s, {says(0, {"10.1.0.1", "10.1.0.9"}), says(1, {"10.1.0.2", "10.1.0.9"}),
                               says(2, {"10.1.0.2", "10.1.0.9"})}),
              (texts{"10.1.0.2", "10.1.0.9"}));
}

/// A flood of allowed addresses does not push out in one round what was named in the one before.
TEST(policy_pin_policy, missing_addresses_make_room_before_the_hold_has_passed) {
    story host;
    host.rules.answers.max_addresses = 3;
    host.rules.removal_hold = 1h;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    const auto flood = says(0, {"10.1.6.1", "10.1.6.2", "10.1.6.3"});
    EXPECT_EQ(written(host.after(5s, {flood}).usable), (texts{"10.1.0.1", "10.1.0.2", "10.1.6.1"}));
    EXPECT_EQ(written(host.after(5s, {flood}).usable), (texts{"10.1.0.1", "10.1.0.2", "10.1.6.1"}));
    const auto made = host.after(5s, {flood});
    EXPECT_EQ(written(made.usable), (texts{"10.1.6.1", "10.1.6.2", "10.1.6.3"}));
    EXPECT_EQ(written(made.removed), (texts{"10.1.0.1", "10.1.0.2"}));
}

TEST(policy_pin_policy, the_one_named_longest_ago_makes_room_first) {
    story host;
    host.rules.answers.max_addresses = 3;
    host.rules.removal_hold = 1h;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2", "10.1.0.3"})});
    host.after(5s, {says(0, {"10.1.0.1", "10.1.0.3"})});
    host.again(3, 5s, {says(0, {"10.1.0.3"})});
    EXPECT_EQ(host.usable(5s, {says(0, {"10.1.0.3", "10.1.0.4"})}),
              (texts{"10.1.0.1", "10.1.0.3", "10.1.0.4"}));
    EXPECT_EQ(host.usable(5s, {says(0, {"10.1.0.3", "10.1.0.5"})}),
              (texts{"10.1.0.3", "10.1.0.4", "10.1.0.5"}));
}

/// A server in the wrong hands names only addresses where nobody can prove to be a node. Nothing
/// would be left to serve if these were successors.
TEST(policy_pin_policy, a_proven_address_leaves_for_a_proven_one) {
    story host;
    host.prove({"10.1.0.1", "10.1.0.2"});
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2", "10.1.0.3"})});
    const auto hostile = says(0, {"10.1.6.1"});
    EXPECT_EQ(written(host.again(1000, 30s, {hostile}).usable),
              (texts{"10.1.0.1", "10.1.0.2", "10.1.6.1"}));
    host.prove({"10.1.0.1", "10.1.0.2", "10.1.6.1"});
    EXPECT_EQ(written(host.after(30s, {hostile}).usable), texts{"10.1.6.1"});
}

/// The node is away for a moment: that is no reason to believe the server in the wrong hands.
TEST(policy_pin_policy, an_address_that_was_proved_once_leaves_only_for_one_that_is_proved_now) {
    story host;
    host.prove({"10.1.0.1"});
    host.after(0s, {says(0, {"10.1.0.1"})});
    host.again(10, 30s, {says(0, {"10.1.0.2"})});
    host.prove({});
    EXPECT_EQ(host.usable(30s, {says(0, {"10.1.0.2"})}), (texts{"10.1.0.1", "10.1.0.2"}));
    host.prove({"10.1.0.2"});
    EXPECT_EQ(host.usable(30s, {says(0, {"10.1.0.2"})}), texts{"10.1.0.2"});
}

/// Half an answer names addresses and takes none away.
TEST(policy_pin_policy, what_an_unanswered_question_could_have_named_stays) {
    story host;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    auto half = says(0, {"10.1.0.1", "10.1.0.3"});
    half.unanswered.v4 = policy::silence{policy::silence_kind::failed, "SERVFAIL"};
    const auto made = host.again(20, 30s, {half});
    EXPECT_EQ(written(made.usable), (texts{"10.1.0.1", "10.1.0.2", "10.1.0.3"}));
    ASSERT_EQ(made.trouble.size(), 1U);
    EXPECT_EQ(made.trouble[0].reason, "servfail");
    EXPECT_FALSE(made.trouble[0].refused);
    EXPECT_FALSE(made.trouble[0].news);
    half.unanswered = {std::nullopt, half.unanswered.v4}; // of the other family
    EXPECT_TRUE(host.after(30s, {half}).trouble.empty());
    const auto whole = host.again(3, 30s, {says(0, {"10.1.0.1", "10.1.0.3"})});
    EXPECT_EQ(written(whole.usable), (texts{"10.1.0.1", "10.1.0.3"}));
}

TEST(policy_pin_policy, a_server_that_recovers_is_named_once) {
    story host;
    host.after(0s, {says(0, {"10.1.0.1"}), silent(1)});
    const auto made = host.after(5s, {says(0, {"10.1.0.1"}), says(1, {"10.1.0.1"})});
    EXPECT_EQ(made.recovered, std::vector<std::size_t>{1});
    EXPECT_TRUE(host.after(5s, {says(0, {"10.1.0.1"}), says(1, {"10.1.0.1"})}).recovered.empty());
}

TEST(policy_pin_policy, a_flood_does_not_push_out_the_proven) {
    story host;
    host.rules.answers.max_addresses = 4;
    host.prove({"10.1.0.1", "10.1.0.2"});
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    for (int i = 0; i < 1000; ++i) {
        texts flood;
        for (int j = 0; j < 4; ++j) {
            flood.push_back("10.1." + std::to_string(6 + i % 200) + "." + std::to_string(j));
        }
        const auto usable = host.usable(30s, {says(0, flood)});
        ASSERT_EQ(usable.size(), 4U);
        ASSERT_EQ(usable[0], "10.1.0.1");
        ASSERT_EQ(usable[1], "10.1.0.2");
    }
}

TEST(policy_pin_policy, what_new_rules_forbid_goes_at_once) {
    struct row {
        const char* name;
        void (*change)(policy::answer_rules&);
        texts usable;
    };

    for (const auto& [name, change, usable] : {
             row{"allow is narrower",
                 [](auto& rules) { rules.allow = networks({"10.1.0.0/31"}); },
                 {"10.1.0.1"}},
             row{"deny is wider",
                 [](auto& rules) { rules.deny = networks({"10.1.0.1"}); },
                 {"10.1.0.2", "10.1.0.3"}},
             row{"the lock is enforced",
                 [](auto& rules) {
                     rules.lock = policy::locked_host{{}, addresses({"10.1.0.3"})};
                     rules.enforce_locked_addresses = true;
                 },
                 {"10.1.0.3"}},
             row{"none is allowed any more",
                 [](auto& rules) { rules.allow = networks({"10.2.0.0/16"}); },
                 {}},
             row{"room for two",
                 [](auto& rules) { rules.max_addresses = 2; },
                 {"10.1.0.2", "10.1.0.3"}},
         }) {
        story host;
        host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2", "10.1.0.3"})});
        host.after(1s, {says(0, {"10.1.0.2", "10.1.0.3"})});
        change(host.rules.answers);
        const auto made = host.after(1s, {silent(0)});
        EXPECT_EQ(written(made.usable), usable) << name;
        EXPECT_EQ(made.removed.size(), 3 - usable.size()) << name;
    }
}

/// Where rules leave less room: first who is missing, then who is not proven, then the oldest.
TEST(policy_pin_policy, less_room_is_left_to_those_most_wanted) {
    story host;
    host.prove({"10.1.0.1", "10.1.0.4"});
    host.rules.removal_hold = 1h;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"})});
    host.again(3, 5s, {says(0, {"10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"})});
    host.after(5s, {says(0, {"10.1.0.2", "10.1.0.5"})});
    const auto with_room_for = [&](std::size_t number) {
        host.rules.answers.max_addresses = number;
        return host.usable(1s, {silent(0)});
    };
    EXPECT_EQ(with_room_for(4), (texts{"10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"}));
    EXPECT_EQ(with_room_for(3), (texts{"10.1.0.2", "10.1.0.4", "10.1.0.5"}));
    EXPECT_EQ(with_room_for(2), (texts{"10.1.0.4", "10.1.0.5"}));
    EXPECT_EQ(with_room_for(1), texts{"10.1.0.4"});
}

TEST(policy_pin_policy, of_those_that_wait_the_latest_are_remembered) {
    story host(3);
    host.rules.answers.max_addresses = 1;
    for (const auto* last : {"1", "2", "3"}) {
        host.after(5s, {says(0, {std::string("10.1.0.") + last}),
                        says(1, {std::string("10.1.1.") + last})});
    }
    texts waiting;
    for (const auto& [where, known] : host.state.addresses) {
        waiting.push_back(where.address.to_string());
    }
    EXPECT_EQ(waiting, (texts{"10.1.0.2", "10.1.0.3", "10.1.1.2", "10.1.1.3"}));
}

TEST(policy_pin_policy, a_new_list_of_servers_votes_anew) {
    story host(2);
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"}), says(1, {"10.1.0.1"}), silent(2)});
    host.state = policy::forget_servers(host.state);
    EXPECT_TRUE(host.state.clean_answers.empty());
    EXPECT_TRUE(host.state.last_trouble.empty());
    ASSERT_EQ(host.state.addresses.size(), 1U);
    EXPECT_TRUE(host.state.addresses.begin()->second.named.empty());
    EXPECT_EQ(host.usable(1s, {says(1, {"10.1.0.2"})}), texts{"10.1.0.1"});
    EXPECT_EQ(host.usable(1s, {says(0, {"10.1.0.2"})}), (texts{"10.1.0.1", "10.1.0.2"}));
}

TEST(policy_pin_policy, what_is_accepted_and_not_in_the_lock_is_noticed) {
    story host;
    host.rules.answers.lock = policy::locked_host{{}, addresses({"10.1.0.1"})};
    const auto made = host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    EXPECT_EQ(written(made.usable), (texts{"10.1.0.1", "10.1.0.2"}));
    EXPECT_EQ(written(made.outside_lock), texts{"10.1.0.2"});
    EXPECT_EQ(written(host.after(1s, {silent(0)}).outside_lock), texts{"10.1.0.2"});
}

} // namespace
} // namespace roachpin
