#include "policy/pin_policy.hpp"
#include "unit/policy/pin_story.hpp"

#include <gtest/gtest.h>

#include <string>

/// Which addresses come, stay and go.
namespace roachpin {
namespace {

using namespace answers;
using policy::silence_kind;

TEST(policy_pin_policy, a_clean_answer_is_accepted_at_once) {
    story host;
    const auto made = host.after(0s, {says(0, {"10.1.0.2", "10.1.0.1"})});
    EXPECT_EQ(written(made.usable), (texts{"10.1.0.1", "10.1.0.2"}));
    EXPECT_EQ(made.added, made.usable);
    EXPECT_TRUE(made.removed.empty());
    EXPECT_TRUE(made.trouble.empty());
    EXPECT_FALSE(made.dissent);
    EXPECT_FALSE(made.stale);
    EXPECT_FALSE(made.rapid_change);
}

TEST(policy_pin_policy, before_the_first_clean_answer_there_is_nothing) {
    story host;
    const auto made = host.after(0s, {silent(0), says(1, {"10.9.9.9"})});
    EXPECT_TRUE(made.usable.empty());
    EXPECT_TRUE(made.next.addresses.empty());
    EXPECT_FALSE(made.stale);
}

TEST(policy_pin_policy, what_is_no_clean_answer_changes_nothing) {
    for (const auto& said : {
             silent(0, silence_kind::nx_domain),
             silent(0, silence_kind::no_data),
             silent(0, silence_kind::failed),
             silent(0, silence_kind::unreachable),
             policy::observation{0, policy::unusable{"octets left over"}},
             says(0, {}),
             says(0, {"10.9.9.9"}),
             says(0, {"10.1.0.1", "10.1.0.2", "10.9.9.9"}),
         }) {
        story host;
        const auto before = host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
        const auto after = host.again(100, 10min, {said});
        EXPECT_EQ(after.usable, before.usable);
        EXPECT_TRUE(after.added.empty());
        EXPECT_TRUE(after.removed.empty());
        EXPECT_EQ(after.trouble.size(), 1U);
    }
}

TEST(policy_pin_policy, an_address_waits_for_agreement) {
    story host(2);
    EXPECT_EQ(host.usable(0s, {says(0, {"10.1.0.1"})}), texts{});
    EXPECT_EQ(host.usable(5s, {says(0, {"10.1.0.1"})}), texts{});
    EXPECT_EQ(host.usable(5s, {says(0, {"10.1.0.1"}), says(1, {"10.1.0.1"})}), texts{"10.1.0.1"});
}

/// Servers ask at different times, and zones turn their records round.
TEST(policy_pin_policy, agreement_may_take_some_rounds) {
    story host(2);
    host.after(0s, {says(0, {"10.1.0.1"}), says(1, {"10.1.0.9"})});
    host.after(5s, {says(0, {"10.1.0.2"}), says(1, {"10.1.0.8"})});
    EXPECT_EQ(host.usable(5s, {says(0, {"10.1.0.3"}), says(1, {"10.1.0.1"})}), texts{"10.1.0.1"});
    EXPECT_EQ(host.usable(5s, {says(0, {"10.1.0.8"}), says(1, {"10.1.0.3"})}),
              (texts{"10.1.0.1", "10.1.0.3", "10.1.0.8"}));
}

TEST(policy_pin_policy, lately_is_a_servers_last_three_clean_answers) {
    for (const int others : {2, 3}) {
        story host(2);
        host.after(0s, {says(0, {"10.1.0.1"})});
        host.again(others, 5s, {says(0, {"10.1.0.2"})});
        const auto made = host.after(5s, {silent(0), says(1, {"10.1.0.1"})});
        EXPECT_EQ(made.usable.empty(), others == 3);
    }
}

TEST(policy_pin_policy, silence_and_refusals_are_no_clean_answers) {
    story host(2);
    host.after(0s, {says(0, {"10.1.0.1"})});
    host.again(4, 5s, {silent(0)});
    host.again(4, 5s, {says(0, {"10.9.9.9"})});
    EXPECT_EQ(host.usable(5s, {says(1, {"10.1.0.1"})}), texts{"10.1.0.1"});
}

/// What a server said before it fell silent an hour ago is not half of an agreement.
TEST(policy_pin_policy, a_word_that_nobody_took_up_is_forgotten) {
    story host(2);
    host.after(0s, {says(0, {"10.1.0.1"})});
    host.again(3, 1min, {silent(0), silent(1)});
    EXPECT_EQ(host.state.addresses.size(), 1U);
    host.after(1s, {silent(0), silent(1)});
    EXPECT_TRUE(host.state.addresses.empty());
    EXPECT_EQ(host.usable(1s, {silent(0), says(1, {"10.1.0.1"})}), texts{});
}

TEST(policy_pin_policy, what_is_missing_leaves_after_agreeing_answers_and_the_hold) {
    story host;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    // Two more of three answers may lack it; then two rounds count.
    EXPECT_TRUE(host.again(3, 11s, {says(0, {"10.1.0.2"})}).removed.empty());
    const auto made = host.after(11s, {says(0, {"10.1.0.2"})});
    EXPECT_EQ(written(made.removed), texts{"10.1.0.1"});
    EXPECT_EQ(written(made.usable), texts{"10.1.0.2"});
    EXPECT_EQ(host.state.addresses.size(), 1U);
}

TEST(policy_pin_policy, agreeing_answers_alone_remove_nothing_before_the_hold) {
    story host;
    host.rules.removal_hold = 10min;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    EXPECT_TRUE(host.again(119, 5s, {says(0, {"10.1.0.2"})}).removed.empty());
    EXPECT_EQ(written(host.after(5s, {says(0, {"10.1.0.2"})}).removed), texts{"10.1.0.1"});
}

TEST(policy_pin_policy, time_alone_removes_nothing) {
    story host;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    EXPECT_TRUE(host.again(3, 1h, {says(0, {"10.1.0.2"})}).removed.empty());
}

/// Two answers without it, and then none: the hold passes, and DNS trouble takes nothing away.
TEST(policy_pin_policy, the_hold_ends_with_an_answer) {
    story host;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    host.again(5, 5s, {says(0, {"10.1.0.2"})});
    EXPECT_TRUE(host.again(10, 1min, {silent(0)}).removed.empty());
    EXPECT_EQ(written(host.after(5s, {says(0, {"10.1.0.2"})}).removed), texts{"10.1.0.1"});
}

TEST(policy_pin_policy, an_address_that_is_named_again_starts_over) {
    story host;
    host.rules.removal_hold = 0s;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(host.again(3, 1min, {says(0, {"10.1.0.2"})}).removed.empty());
        host.after(1min, {says(0, {"10.1.0.1"})});
    }
    EXPECT_EQ(host.usable(5s, {says(0, {"10.1.0.2"})}), (texts{"10.1.0.1", "10.1.0.2"}));
}

TEST(policy_pin_policy, a_move_to_other_addresses_is_followed) {
    story host;
    host.after(0s, {says(0, {"10.1.0.1"})});
    EXPECT_EQ(host.usable(10s, {says(0, {"10.1.0.2"})}), (texts{"10.1.0.1", "10.1.0.2"}));
    host.again(3, 10s, {says(0, {"10.1.0.2"})});
    EXPECT_EQ(host.usable(10s, {says(0, {"10.1.0.2"})}), texts{"10.1.0.2"});
}

/// A weighted or geographic zone that shows two of its six addresses at a time.
TEST(policy_pin_policy, a_zone_that_turns_its_records_keeps_them_all) {
    for (const std::size_t agreement : {1U, 2U}) {
        story host(agreement);
        const std::vector<texts> faces{
            {"10.1.0.1", "10.1.0.2"}, {"10.1.0.3", "10.1.0.4"}, {"10.1.0.5", "10.1.0.6"}};
        for (std::size_t i = 0; i < 60; ++i) {
            const auto made = host.after(20s, {says(0, faces[i % 3]), says(1, faces[(i + 1) % 3])});
            EXPECT_TRUE(made.removed.empty());
            EXPECT_TRUE(i < 3 || made.usable.size() == 6);
        }
    }
}

/// Agreement 2: nothing of the dissenter's comes in, and what is accepted stays.
TEST(policy_pin_policy, of_two_that_disagree_neither_is_followed) {
    story host(2);
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"}), says(1, {"10.1.0.1", "10.1.0.2"})});
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(host.usable(1min, {says(0, {"10.1.0.1", "10.1.0.2"}), says(1, {"10.1.6.6"})}),
                  (texts{"10.1.0.1", "10.1.0.2"}));
    }
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(host.usable(1min, {says(0, {"10.1.7.7"}), says(1, {"10.1.6.6"})}),
                  (texts{"10.1.0.1", "10.1.0.2"}));
    }
}

TEST(policy_pin_policy, two_of_three_are_followed) {
    story host(2);
    const texts old{"10.1.0.1"};
    host.after(0s, {says(0, old), says(1, old), says(2, old)});
    const std::vector<policy::observation> moved{says(0, {"10.1.0.2"}), says(1, {"10.1.0.2"}),
                                                 says(2, {"10.1.6.6"})};
    host.again(4, 10s, moved);
    EXPECT_EQ(host.usable(10s, moved), texts{"10.1.0.2"});
}

/// Agreement 2, and one server is gone: nothing new, nothing removed.
TEST(policy_pin_policy, a_lone_server_of_two_changes_nothing) {
    story host(2);
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"}), says(1, {"10.1.0.1", "10.1.0.2"})});
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(host.usable(1min, {says(0, {"10.1.0.2", "10.1.0.3"}), silent(1)}),
                  (texts{"10.1.0.1", "10.1.0.2"}));
    }
}

TEST(policy_pin_policy, rounds_of_a_lone_server_do_not_count) {
    story host(2);
    const texts all{"10.1.0.1", "10.1.0.2"};
    host.after(0s, {says(0, all), says(1, all)});
    host.again(10, 1min, {says(0, {"10.1.0.2"}), silent(1)});
    const std::vector<policy::observation> without{says(0, {"10.1.0.2"}), says(1, {"10.1.0.2"})};
    EXPECT_TRUE(host.after(1min, without).removed.empty());
    EXPECT_EQ(written(host.after(1min, without).removed), texts{"10.1.0.1"});
}

/// Agreement 1, and each server sees another half: silencing one takes nothing away, however often
/// the other answers.
TEST(policy_pin_policy, a_silenced_server_keeps_its_word) {
    story host;
    host.after(0s, {says(0, {"10.1.0.1"}), says(1, {"10.1.0.2"})});
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(host.usable(1min, {says(0, {"10.1.0.1"}), silent(1)}),
                  (texts{"10.1.0.1", "10.1.0.2"}));
    }
    // Not for ever: after max_stale nobody vouches for it.
    EXPECT_TRUE(host.again(440, 1min, {says(0, {"10.1.0.1"}), silent(1)}).removed.empty());
    EXPECT_EQ(host.usable(1ms, {says(0, {"10.1.0.1"}), silent(1)}), texts{"10.1.0.1"});
}

TEST(policy_pin_policy, the_word_of_fewer_than_must_agree_keeps_nothing) {
    story host(2);
    const texts all{"10.1.0.1", "10.1.0.2"};
    host.after(0s, {says(0, all), says(1, all), says(2, all)});
    const std::vector<policy::observation> without{says(0, {"10.1.0.1"}), says(1, {"10.1.0.1"}),
                                                   silent(2)};
    host.again(4, 10s, without);
    EXPECT_EQ(host.usable(10s, without), texts{"10.1.0.1"});
}

TEST(policy_pin_policy, one_server_must_agree_even_where_none_is_asked_for) {
    story host(0);
    EXPECT_EQ(host.usable(0s, {silent(0)}), texts{});
    EXPECT_FALSE(host.state.last_good);
    EXPECT_EQ(host.usable(1s, {says(0, {"10.1.0.1"})}), texts{"10.1.0.1"});
}

} // namespace
} // namespace roachpin
