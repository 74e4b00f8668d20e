#include "policy/pin_policy.hpp"
#include "unit/policy/pin_story.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

/// What holds whatever servers say, in whatever order, at whatever times.
namespace roachpin {
namespace {

using namespace answers;
using endpoint_set = std::set<core::endpoint>;

/// One round, and what of it must count.
struct round_of_answers {
    std::vector<policy::observation> said;
    std::size_t clean = 0;
    endpoint_set named; ///< by the clean ones
};

/// Servers that are honest, hostile, broken and away by turns.
class history {
public:
    explicit history(unsigned seed) : random_(seed) { // NOLINT(cert-msc51-cpp): each run the same
        servers_ = 1 + below(4);
        host.rules.agreement = 1 + below(std::min<std::size_t>(servers_, 3));
        host.rules.removal_hold = one_of<core::duration>({0s, 30s, 5min});
        host.rules.max_stale = one_of<core::duration>({0s, 1h, 24h});
        auto& answers = host.rules.answers;
        answers.max_addresses = most_ = 1 + below(6);
        answers.deny = networks({"10.1.9.0/24"});
        answers.own = all_at({"10.1.0.250"});
        answers.network = one_of({policy::network_class::any, policy::network_class::private_only});
    }

    std::size_t below(std::size_t bound) { return random_() % bound; }

    template <class T>
    T one_of(std::initializer_list<T> all) {
        return *(all.begin() + below(all.size()));
    }

    core::duration step() {
        return below(200) == 0 ? 25h : one_of<core::duration>({0s, 1s, 5s, 30s, 60s, 10min});
    }

    round_of_answers round() {
        round_of_answers made;
        for (std::size_t server = 0; server < servers_; ++server) {
            speak(made, server);
        }
        return made;
    }

    std::size_t servers() const { return servers_; }

    story host;
    texts always; ///< is in each clean answer

private:
    void speak(round_of_answers& made, std::size_t server) {
        switch (below(12)) {
        case 0:
            return; // no observation at all
        case 1:
            made.said.push_back(silent(server, policy::silence_kind::nx_domain, 1h));
            return;
        case 2:
            made.said.push_back({server, policy::unusable{"octets left over"}});
            return;
        case 3:
        case 4:
            made.said.push_back(hostile(server));
            return;
        default:
            made.said.push_back(clean(server));
            const auto& named = std::get<policy::named_answer>(made.said.back().said).endpoints;
            made.named.insert(named.begin(), named.end());
            ++made.clean;
        }
    }

    /// From the pool, or from anywhere in allow: a flood.
    policy::observation clean(std::size_t server) {
        auto all = always;
        const bool flood = below(8) == 0;
        const auto number = 1 + below(most_);
        while (all.size() < number) {
            all.push_back("10.1." + std::to_string(flood ? 10 + below(200) : 0) + "." +
                          std::to_string(1 + below(flood ? 240 : 8)));
        }
        return says(server, all, std::chrono::seconds(below(100)));
    }

    /// An answer that would be clean, with one thing wrong.
    policy::observation hostile(std::size_t server) {
        auto made = clean(server);
        auto& said = std::get<policy::named_answer>(made.said);
        switch (below(4)) {
        case 0:
            said.proof = policy::authenticity::bogus;
            break;
        case 1:
            said.chain = names({"evil.test"});
            break;
        case 2:
            for (std::size_t i = 0; i <= most_; ++i) {
                said.endpoints.push_back(at("10.1.8." + std::to_string(i)));
            }
            break;
        default:
            const auto place = static_cast<std::ptrdiff_t>(below(said.endpoints.size() + 1));
            said.endpoints.insert(
                said.endpoints.begin() + place,
                at(one_of<std::string>({"10.9.9.9", "169.254.169.254", "127.0.0.1", "::1", "::",
                                        "8.8.8.8", "10.1.9.9", "10.1.0.250", "64:ff9b::a01:1"})));
        }
        return made;
    }

    std::mt19937 random_;
    std::size_t servers_ = 1;
    std::size_t most_ = 1; ///< addresses in an answer; more where it is hostile
};

constexpr unsigned histories = 60;
constexpr int rounds = 120;

endpoint_set accepted(const policy::pin_state& state) {
    endpoint_set all;
    for (const auto& [where, known] : state.addresses) {
        if (known.accepted) {
            all.insert(where);
        }
    }
    return all;
}

TEST(policy_pin_history, only_what_the_rules_allow_is_ever_usable) {
    for (unsigned seed = 0; seed < histories; ++seed) {
        history past(seed);
        for (int i = 0; i < rounds; ++i) {
            const auto made = past.host.after(past.step(), past.round().said);
            ASSERT_LE(made.usable.size(), past.host.rules.answers.max_addresses) << seed;
            ASSERT_TRUE(std::is_sorted(made.usable.begin(), made.usable.end())) << seed;
            for (const auto& where : made.usable) {
                const auto& octets = where.address.octets();
                ASSERT_TRUE(where.address.is_v4() && octets[0] == 10 && octets[1] == 1 &&
                            octets[2] != 9 && octets[2] != 8 && octets[3] != 250)
                    << seed << ": " << where.to_string();
            }
        }
    }
}

TEST(policy_pin_history, a_host_that_has_addresses_keeps_some) {
    for (unsigned seed = 0; seed < histories; ++seed) {
        history past(seed);
        bool had_some = false;
        for (int i = 0; i < rounds; ++i) {
            const auto made = past.host.after(past.step(), past.round().said);
            had_some = had_some || !made.usable.empty();
            ASSERT_EQ(made.usable.empty(), !had_some || made.stale) << seed;
            ASSERT_FALSE(made.stale && past.host.rules.max_stale == 0s) << seed;
        }
    }
}

TEST(policy_pin_history, what_is_remembered_is_bounded) {
    for (unsigned seed = 0; seed < histories; ++seed) {
        history past(seed);
        for (int i = 0; i < rounds; ++i) {
            const auto made = past.host.after(past.step(), past.round().said);
            const auto max = past.host.rules.answers.max_addresses;
            ASSERT_LE(made.next.addresses.size(), 5 * max) << seed;
            ASSERT_LE(made.next.clean_answers.size(), past.servers()) << seed;
            ASSERT_LE(made.next.last_trouble.size(), past.servers()) << seed;
            for (const auto& [where, known] : made.next.addresses) {
                ASSERT_LE(known.named.size(), past.servers()) << seed;
                ASSERT_TRUE(known.accepted || !known.named.empty()) << seed;
            }
        }
    }
}

TEST(policy_pin_history, what_every_clean_answer_names_stays) {
    for (unsigned seed = 0; seed < histories; ++seed) {
        history past(seed);
        past.always = {"10.1.0.1"};
        bool came = false;
        for (int i = 0; i < rounds; ++i) {
            const auto made = past.host.after(past.step(), past.round().said);
            came = came || accepted(made.next).contains(at("10.1.0.1"));
            ASSERT_EQ(accepted(made.next).contains(at("10.1.0.1")), came) << seed;
        }
        ASSERT_TRUE(came) << seed;
    }
}

TEST(policy_pin_history, only_answers_change_anything) {
    for (unsigned seed = 0; seed < histories; ++seed) {
        history past(seed);
        for (int i = 0; i < rounds; ++i) {
            const auto before = accepted(past.host.state);
            const auto round = past.round();
            const auto made = past.host.after(past.step(), round.said);
            auto expected = before;
            for (const auto& where : made.removed) {
                ASSERT_FALSE(round.named.contains(where)) << seed;
                ASSERT_EQ(expected.erase(where), 1U) << seed;
            }
            for (const auto& where : made.added) {
                ASSERT_TRUE(round.named.contains(where)) << seed;
                ASSERT_TRUE(expected.insert(where).second) << seed;
            }
            ASSERT_EQ(accepted(made.next), expected) << seed;
            // Too few answers take nothing away, unless someone comes instead where it is full.
            if (round.clean < past.host.rules.agreement) {
                ASSERT_LE(made.removed.size(), made.added.size()) << seed;
            }
        }
    }
}

TEST(policy_pin_history, where_there_is_room_nothing_leaves_before_the_hold) {
    for (unsigned seed = 0; seed < histories; ++seed) {
        history past(seed);
        past.host.rules.answers.max_addresses = 1000;
        past.host.rules.max_stale = 0s;
        std::map<core::endpoint, core::time_point> last_named;
        for (int i = 0; i < rounds; ++i) {
            const auto made = past.host.after(past.step(), past.round().said);
            for (const auto& [where, known] : made.next.addresses) {
                last_named[where] = known.last_named;
            }
            for (const auto& where : made.removed) {
                ASSERT_GE(past.host.now - last_named[where], past.host.rules.removal_hold) << seed;
            }
        }
    }
}

TEST(policy_pin_history, the_question_is_repeated_in_due_time) {
    for (unsigned seed = 0; seed < histories; ++seed) {
        history past(seed);
        for (int i = 0; i < rounds; ++i) {
            const auto made = past.host.after(past.step(), past.round().said);
            ASSERT_GE(made.ask_again, past.host.rules.refresh_min) << seed;
            ASSERT_LE(made.ask_again, past.host.rules.refresh_max) << seed;
        }
    }
}

/// Two servers are honest, a third names what it likes inside of allow: agreement 2 keeps it out.
TEST(policy_pin_history, a_minority_brings_nothing_in) {
    for (unsigned seed = 0; seed < histories; ++seed) {
        history past(seed);
        past.host.rules.agreement = 2;
        past.host.rules.answers.max_addresses = 4;
        for (int i = 0; i < rounds; ++i) {
            std::vector<policy::observation> said;
            for (std::size_t server = 0; server < 3; ++server) {
                const auto net = server == 2 ? "10.1.66." : "10.1.0.";
                const auto last = [&] {
                    return net + std::to_string(1 + past.below(8));
                };
                if (past.below(4) != 0) {
                    said.push_back(says(server, {last(), last()}));
                }
            }
            const auto made = past.host.after(past.step(), said);
            for (const auto& where : accepted(made.next)) {
                ASSERT_EQ(where.address.octets()[2], 0) << seed;
            }
        }
    }
}

/// The end-to-end promise: a hostile server cannot take away what proves itself, not even while it
/// does not for a moment.
TEST(policy_pin_history, one_proven_address_is_kept_whatever_a_server_says) {
    for (unsigned seed = 0; seed < histories; ++seed) {
        history past(seed);
        past.host.rules.agreement = 1;
        past.host.prove({"10.1.0.200", "10.1.0.201"});
        past.host.after(0s, {says(0, {"10.1.0.200"})});
        for (int i = 0; i < rounds; ++i) {
            past.host.proofs.now =
                past.below(3) == 0 ? std::vector<core::endpoint>{} : all_at({"10.1.0.200"});
            const auto made = past.host.after(past.step(), past.round().said);
            ASSERT_TRUE(accepted(made.next).contains(at("10.1.0.200"))) << seed;
        }
    }
}

} // namespace
} // namespace roachpin
