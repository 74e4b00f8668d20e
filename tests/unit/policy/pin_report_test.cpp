#include "policy/pin_policy.hpp"
#include "unit/policy/pin_story.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

/// What a round's decision tells besides the addresses: trouble, dissent, age, when to ask again.
namespace roachpin {
namespace {

using namespace answers;
using policy::silence_kind;
using servers = std::vector<std::size_t>;

TEST(policy_pin_policy, each_trouble_has_its_label_and_its_finding) {
    struct row {
        policy::observation said;
        const char* reason;
        const char* finding;
        const char* sentence;
    };

    for (const auto& [said, reason, finding, sentence] : {
             row{silent(3, silence_kind::nx_domain), "nxdomain", "DNS-NXDOMAIN", "no answer"},
             row{silent(3, silence_kind::no_data), "nodata", "DNS-NODATA", "no answer"},
             row{silent(3, silence_kind::failed), "servfail", "DNS-SERVFAIL", "no answer"},
             row{silent(3, silence_kind::unreachable), "unreachable", "DNS-RESOLVER-UNREACHABLE",
                 "no answer"},
             row{says(3, {}), "nodata", "DNS-NODATA", "the answer names no address"},
             row{{3, policy::unusable{"octets left over"}},
                 "malformed",
                 "DNS-SERVFAIL",
                 "octets left over"},
             row{says(3, {"10.9.9.9"}), "not_allowed", "DNS-ADDRESS-UNEXPECTED",
                 "10.9.9.9 is outside allow (10.1.0.0/16); correct the record, or add it to allow "
                 "after review"},
         }) {
        story host;
        const auto made = host.after(0s, {said});
        ASSERT_EQ(made.trouble.size(), 1U) << reason;
        EXPECT_EQ(made.trouble[0].server, 3U);
        EXPECT_EQ(made.trouble[0].reason, reason);
        EXPECT_EQ(made.trouble[0].finding, finding);
        EXPECT_EQ(made.trouble[0].sentence, sentence);
        EXPECT_TRUE(made.trouble[0].news) << reason;
    }
}

TEST(policy_pin_policy, the_same_trouble_is_news_once) {
    story host;
    const auto is_news = [&](const policy::observation& said) {
        return host.after(5s, {says(1, {"10.1.0.1"}), said}).trouble.at(0).news;
    };
    EXPECT_TRUE(is_news(silent(0)));
    EXPECT_FALSE(is_news(silent(0)));
    EXPECT_TRUE(is_news(silent(2))); // another server's
    EXPECT_FALSE(is_news(silent(0)));
    EXPECT_TRUE(is_news(silent(0, silence_kind::failed))); // another trouble
    EXPECT_TRUE(is_news(says(0, {"10.9.9.9"})));
    EXPECT_FALSE(is_news(says(0, {"10.9.9.9"})));
    EXPECT_TRUE(is_news(says(0, {"10.9.9.8"})));
    host.after(5s, {says(0, {"10.1.0.1"})}); // a clean answer in between
    EXPECT_TRUE(is_news(says(0, {"10.9.9.8"})));
}

TEST(policy_pin_policy, servers_that_contradict_each_other_are_named) {
    struct row {
        const char* name;
        std::size_t agreement;
        std::vector<policy::observation> said;
        servers dissenters; ///< none: no dissent
    };

    const texts a{"10.1.0.1"};
    const texts b{"10.1.0.2"};
    const texts c{"10.1.0.3"};
    const texts ab{"10.1.0.1", "10.1.0.2"};
    for (const auto& [name, agreement, said, dissenters] : {
             row{"one server", 1, {says(0, a)}, {}},
             row{"one server of two", 2, {says(0, a), silent(1)}, {}},
             row{"the same", 1, {says(0, ab), says(1, ab)}, {}},
             row{"something in common", 1, {says(0, a), says(1, ab)}, {}},
             row{"nothing in common", 1, {says(0, a), says(1, b)}, {0, 1}},
             row{"one against two", 1, {says(0, a), says(1, b), says(2, a)}, {1}},
             row{"each for itself", 1, {says(0, a), says(1, b), says(2, c)}, {0, 1, 2}},
             row{"two against two",
                 1,
                 {says(0, a), says(1, b), says(2, b), says(4, a)},
                 {0, 1, 2, 4}},
             row{"a refused answer is no voice", 1, {says(0, a), says(1, {"10.9.9.9"})}, {}},
             row{"both agree", 2, {says(0, ab), says(1, ab)}, {}},
             row{"one names more", 2, {says(0, a), says(1, ab)}, {0, 1}},
             row{"two of three name it", 2, {says(0, a), says(1, ab), says(2, ab)}, {}},
             row{"one of three names it", 2, {says(0, a), says(1, a), says(2, ab)}, {2}},
             row{"those who answer agree", 3, {says(0, a), says(1, a), silent(2)}, {}},
             row{"those who answer do not", 3, {says(0, a), says(1, ab), silent(2)}, {0, 1}},
         }) {
        story host(agreement);
        const auto made = host.after(0s, said);
        EXPECT_EQ(made.dissent.has_value(), !dissenters.empty()) << name;
        EXPECT_EQ(made.dissent ? made.dissent->dissenters : servers{}, dissenters) << name;
    }
}

TEST(policy_pin_policy, the_dissent_is_told_in_full) {
    story host;
    const auto made = host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"}), says(2, {"10.1.0.3"})});
    EXPECT_EQ(made.dissent.value().sentence,
              "the servers differ: resolver.servers[0] names 10.1.0.1:26257, 10.1.0.2:26257; "
              "resolver.servers[2] names 10.1.0.3:26257; find the one that is stale, poisoned, or "
              "on another side of the zone");
}

TEST(policy_pin_policy, a_clean_answer_is_asked_for_again_at_the_end_of_its_ttl) {
    struct row {
        std::vector<policy::observation> said;
        core::duration wait;
    };

    const texts a{"10.1.0.1"};
    for (const auto& [said, wait] : {
             row{{says(0, a, 30s)}, 30s}, row{{says(0, a, 0s)}, 5s}, row{{says(0, a, 4999ms)}, 5s},
             row{{says(0, a, 1h)}, 60s},
             row{{says(0, a, 40s), says(1, a, 20s), says(2, a, 50s)}, 20s},
             row{{says(0, a, 40s), silent(1), says(2, {"10.9.9.9"}, 1s)}, 40s},
             row{{says(0, a, 40s), says(1, {"10.1.0.2"}, 40s)}, 5s}, // dissent
         }) {
        EXPECT_EQ(story().after(0s, said).ask_again, wait);
    }
}

TEST(policy_pin_policy, while_an_address_is_absent_the_question_is_repeated_soon) {
    story host;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(host.after(5s, {says(0, {"10.1.0.2"})}).ask_again, 5s);
    }
    EXPECT_EQ(host.after(5s, {says(0, {"10.1.0.2"})}).ask_again, 30s);
}

TEST(policy_pin_policy, a_lone_server_of_two_is_no_reason_to_hurry) {
    story host(2);
    const texts all{"10.1.0.1", "10.1.0.2"};
    host.after(0s, {says(0, all), says(1, all)});
    EXPECT_EQ(host.after(5s, {says(0, {"10.1.0.2"}), silent(1)}).ask_again, 30s);
}

TEST(policy_pin_policy, failures_back_off) {
    struct row {
        core::duration min;
        core::duration max;
        std::vector<core::duration> waits;
    };

    for (const auto& [min, max, waits] : {
             row{5s, 60s, {5s, 10s, 20s, 40s, 60s, 60s, 60s}},
             row{1s, 1h, {1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s, 300s}},
             row{30s, 10s, {30s, 30s, 30s}}, // the least is the most too
             row{0s, 60s, {0s, 0s}},
         }) {
        story host;
        host.rules.refresh_min = min;
        host.rules.refresh_max = max;
        for (const auto wait : waits) {
            EXPECT_EQ(host.after(1s, {silent(0), says(1, {"10.9.9.9"})}).ask_again, wait);
        }
        host.after(1s, {says(0, {"10.1.0.1"})});
        EXPECT_EQ(host.after(1s, {silent(0)}).ask_again, waits[0]);
        for (const unsigned failed : {1000U, std::numeric_limits<unsigned>::max()}) {
            host.state.failed_rounds = failed;
            EXPECT_EQ(host.after(1s, {silent(0)}).ask_again, waits.back());
        }
    }
}

TEST(policy_pin_policy, a_denial_is_believed_for_its_time) {
    struct row {
        std::vector<policy::observation> said;
        core::duration wait;
    };

    using enum silence_kind;
    for (const auto& [said, wait] : {
             row{{silent(0, nx_domain, 30s)}, 30s},
             row{{silent(0, nx_domain, 1s)}, 5s},
             row{{silent(0, nx_domain, 1h)}, 60s},
             row{{silent(0, no_data, 50s), silent(1, no_data, 20s)}, 20s},
             row{{silent(0, no_data, 50s), silent(1, unreachable)}, 50s},
         }) {
        EXPECT_EQ(story().after(0s, said).ask_again, wait);
    }
}

TEST(policy_pin_policy, after_max_stale_nothing_is_usable_until_a_clean_answer) {
    story host;
    host.rules.max_stale = 1h;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2"})});
    EXPECT_FALSE(host.after(1h, {silent(0)}).stale);
    const auto stale = host.after(1ms, {silent(0)});
    EXPECT_TRUE(stale.stale);
    EXPECT_TRUE(stale.usable.empty());
    EXPECT_TRUE(stale.removed.empty());
    EXPECT_TRUE(host.after(1s, {says(0, {"10.9.9.9"})}).stale);
    const auto made = host.after(1s, {says(0, {"10.1.0.2", "10.1.0.3"})});
    EXPECT_FALSE(made.stale);
    // What the first answer after so long does not name is not taken up again.
    EXPECT_EQ(written(made.usable), (texts{"10.1.0.2", "10.1.0.3"}));
    EXPECT_EQ(written(made.removed), texts{"10.1.0.1"});
}

TEST(policy_pin_policy, with_max_stale_zero_addresses_are_good_for_ever) {
    story host;
    host.rules.max_stale = 0s;
    host.after(0s, {says(0, {"10.1.0.1"})});
    const auto made = host.after(100'000h, {silent(0)});
    EXPECT_FALSE(made.stale);
    EXPECT_EQ(written(made.usable), texts{"10.1.0.1"});
}

/// One server's word alone does not keep the addresses of two.
TEST(policy_pin_policy, a_lone_server_of_two_does_not_keep_the_state_from_aging) {
    story host(2);
    host.rules.max_stale = 1h;
    host.after(0s, {says(0, {"10.1.0.1"}), says(1, {"10.1.0.1"})});
    EXPECT_FALSE(host.again(60, 1min, {says(0, {"10.1.0.1"}), silent(1)}).stale);
    EXPECT_TRUE(host.after(1min, {says(0, {"10.1.0.1"}), silent(1)}).stale);
    EXPECT_FALSE(host.after(1min, {says(0, {"10.1.0.1"}), says(1, {"10.1.0.1"})}).stale);
}

TEST(policy_pin_policy, more_than_half_at_once_is_a_rapid_change) {
    struct row {
        texts before;
        texts after;
        bool rapid;
    };

    const texts four{"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"};
    const auto plus = [](texts all, const texts& more) {
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    for (const auto& [before, after, rapid] : {
             row{{}, four, false},
             row{four, four, false},
             row{{"10.1.0.1"}, {"10.1.0.1", "10.1.0.5"}, false}, // all of one, but only one
             row{{"10.1.0.1"}, {"10.1.0.1", "10.1.0.5", "10.1.0.6"}, true},
             row{four, plus(four, {"10.1.0.5", "10.1.0.6"}), false}, // just half
             row{four, plus(four, {"10.1.0.5", "10.1.0.6", "10.1.0.7"}), true},
         }) {
        story host;
        if (!before.empty()) {
            host.after(0s, {says(0, before)});
        }
        EXPECT_EQ(host.after(5s, {says(0, after)}).rapid_change, rapid);
    }
}

TEST(policy_pin_policy, removals_are_changes_too) {
    story host;
    host.after(0s, {says(0, {"10.1.0.1", "10.1.0.2", "10.1.0.3"})});
    EXPECT_FALSE(host.again(3, 15s, {says(0, {"10.1.0.3"})}).rapid_change);
    EXPECT_TRUE(host.after(15s, {says(0, {"10.1.0.3"})}).rapid_change);
}

} // namespace
} // namespace roachpin
