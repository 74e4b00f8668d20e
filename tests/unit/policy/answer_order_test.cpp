#include "unit/policy/answer_scene.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

namespace roachpin {
namespace {

using namespace answers;
using policy::answer_fault;

struct row {
    const char* name;
    std::function<void(scene&)> change;
    const char* verdict;
};

TEST(policy_answer_rules, addresses_are_held_against_the_lists) {
    for (const auto& [name, change, expected] : {
             row{"outside allow", [](scene& one) { one.name("10.9.9.9"); },
                 "not_allowed: 10.9.9.9 is outside allow (10.1.0.0/16, fd00:1::/64); correct the "
                 "record, or add it to allow after review"},
             row{"just outside allow", [](scene& one) { one.name("fd00:1:0:1::"); },
                 "not_allowed: fd00:1:0:1:: is outside allow (10.1.0.0/16, fd00:1::/64); correct "
                 "the record, or add it to allow after review"},
             row{"nothing is allowed", [](scene& one) { one.rules.allow.clear(); },
                 "not_allowed: 10.1.0.1 is outside allow (none); correct the record, or add it to "
                 "allow after review"},
             row{"a long list is cut",
                 [](scene& one) {
                     one.rules.allow =
                         networks({"10.2.0.1", "10.2.0.2", "10.2.0.3", "10.2.0.4", "10.2.0.5",
                                   "10.2.0.6", "10.2.0.7", "10.2.0.8", "10.2.0.9", "10.2.0.10"});
                 },
                 "not_allowed: 10.1.0.1 is outside allow (10.2.0.1/32, 10.2.0.2/32, 10.2.0.3/32, "
                 "10.2.0.4/32, 10.2.0.5/32, 10.2.0.6/32, 10.2.0.7/32, 10.2.0.8/32 and 2 more); "
                 "correct the record, or add it to allow after review"},
             row{"inside deny", [](scene& one) { one.name("10.1.9.9"); },
                 "denied: 10.1.9.9 is inside deny (10.1.9.0/24); correct the record, or take it "
                 "out of deny after review"},
             row{"roachpin's own listener",
                 [](scene& one) {
                     one.rules.own = all_at({"127.0.0.1", "10.1.0.2"});
                 },
                 "own_listener: 10.1.0.2:26257 is roachpin's own listener (127.0.0.1:26257, "
                 "10.1.0.2:26257), which would connect to itself; correct the record or a port"},
             row{"a listener on another port",
                 [](scene& one) { one.rules.own = all_at({"10.1.0.2:26258"}); }, ""},
             row{"more than max_addresses", [](scene& one) { one.rules.max_addresses = 2; },
                 "too_many: the answer holds 3 addresses, and resolver.max_addresses is 2; correct "
                 "the record, or raise max_addresses after review"},
             row{"as many as max_addresses", [](scene& one) { one.rules.max_addresses = 3; }, ""},
             row{"the same address several times counts once",
                 [](scene& one) {
                     one.rules.max_addresses = 3;
                     one.name("10.1.0.1");
                     one.name("::ffff:10.1.0.2");
                 },
                 ""},
             row{"a node with two ports counts twice",
                 [](scene& one) {
                     one.rules.max_addresses = 3;
                     one.name("10.1.0.1:26258");
                 },
                 "too_many: the answer holds 4 addresses, and resolver.max_addresses is 3; correct "
                 "the record, or raise max_addresses after review"},
         }) {
        scene one;
        change(one);
        EXPECT_EQ(verdict(one), expected) << name;
    }
}

TEST(policy_answer_rules, the_lock_is_held_against_the_answer) {
    for (const auto& [name, change, expected] : {
             row{"no lock", [](scene& one) { one.rules.lock.reset(); }, ""},
             row{"another chain",
                 [](scene& one) {
                     one.said.chain = names({"crdb.internal", "db.crdb.internal"});
                 },
                 "lock_chain: the aliases are crdb.internal, db.crdb.internal, and roachpin.lock "
                 "has db.crdb.internal; after review, renew it with roachpin pin --update"},
             row{"no chain where one is locked", [](scene& one) { one.said.chain.clear(); },
                 "lock_chain: the aliases are none, and roachpin.lock has db.crdb.internal; after "
                 "review, renew it with roachpin pin --update"},
             row{"a chain where none is locked", [](scene& one) { one.rules.lock->chain.clear(); },
                 "lock_chain: the aliases are db.crdb.internal, and roachpin.lock has none; after "
                 "review, renew it with roachpin pin --update"},
             row{"the chain is enforced where the addresses are not",
                 [](scene& one) {
                     one.rules.enforce_locked_addresses = false;
                     one.said.chain.clear();
                 },
                 "lock_chain: the aliases are none, and roachpin.lock has db.crdb.internal; after "
                 "review, renew it with roachpin pin --update"},
             row{"an address outside", [](scene& one) { one.name("10.1.0.3"); },
                 "lock_address: 10.1.0.3 is not among the addresses of roachpin.lock (10.1.0.1, "
                 "10.1.0.2, fd00:1::1); after review, renew it with roachpin pin --update"},
             row{"a locked address at another port", [](scene& one) { one.name("10.1.0.1:5432"); },
                 ""},
             row{"an address outside, not enforced",
                 [](scene& one) {
                     one.rules.enforce_locked_addresses = false;
                     one.name("10.1.0.3");
                 },
                 ""},
             row{"fewer addresses than locked", [](scene& one) { one.said.endpoints.pop_back(); },
                 ""},
         }) {
        scene one;
        change(one);
        EXPECT_EQ(verdict(one), expected) << name;
    }
}

TEST(policy_answer_rules, a_listener_on_every_address_is_also_the_loopback_one) {
    struct own_row {
        const char* address;
        const char* own;
        bool refused;
    };

    for (const auto& [address, own, refused] : {
             own_row{"127.0.0.1:26257", "0.0.0.0:26257", true},
             own_row{"127.0.0.9:26257", "0.0.0.0:26257", true},
             own_row{"[::1]:26257", "[::]:26257", true},
             own_row{"127.0.0.1:26257", "[::]:26257", true},
             own_row{"[::1]:26257", "0.0.0.0:26257", false},
             own_row{"127.0.0.1:26258", "0.0.0.0:26257", false},
             own_row{"10.1.0.1:26257", "0.0.0.0:26257", false},
             own_row{"127.0.0.1:26257", "127.0.0.2:26257", false},
         }) {
        scene one;
        one.allow_only({"127.0.0.0/8", "::1/128", "10.1.0.0/16"});
        one.rules.own = all_at({own});
        one.said.endpoints = all_at({address});
        EXPECT_EQ(verdict(one).substr(0, 13), refused ? "own_listener:" : "")
            << address << ", " << own;
    }
}

TEST(policy_answer_rules, one_bad_address_refuses_the_answer_wherever_it_stands) {
    for (std::size_t place = 0; place <= 3; ++place) {
        scene one;
        one.said.endpoints.insert(one.said.endpoints.begin() + static_cast<std::ptrdiff_t>(place),
                                  at("10.9.9.9"));
        EXPECT_EQ(verdict(one).substr(0, 12), "not_allowed:") << place;
    }
}

TEST(policy_answer_rules, outside_lock_names_what_the_lock_does_not) {
    scene one;
    const auto named = all_at({"10.1.0.1", "10.1.0.3", "fd00:1::1", "fd00:1::2"});
    EXPECT_EQ(written(policy::outside_lock(named, one.rules)), (texts{"10.1.0.3", "fd00:1::2"}));
    one.rules.lock->addresses.clear();
    EXPECT_EQ(policy::outside_lock(named, one.rules), named);
    one.rules.lock.reset();
    EXPECT_TRUE(policy::outside_lock(named, one.rules).empty());
}

/// What breaks one rule; rules further down may be broken along with it.
struct breach {
    answer_fault fault;
    const char* label;
    const char* finding;
    std::function<void(scene&)> commit;
};

std::vector<breach> breaches() {
    return {
        {answer_fault::bogus, "dnssec_bogus", "DNS-BOGUS",
         [](scene& one) {
             one.said.proof = policy::authenticity::bogus;
         }},
        {answer_fault::insecure, "dnssec_insecure", "DNS-NOT-AUTHENTICATED",
         [](scene& one) {
             one.rules.dnssec = policy::dnssec_mode::validate;
         }},
        {answer_fault::not_authenticated, "dnssec_not_authenticated", "DNS-NOT-AUTHENTICATED",
         [](scene& one) {
             one.rules.dnssec = policy::dnssec_mode::require_ad;
         }},
        {answer_fault::alias, "alias", "DNS-CNAME-UNEXPECTED",
         [](scene& one) {
             one.said.chain.push_back(names({"evil.test"}).front());
         }},
        {answer_fault::target, "srv_target", "DNS-CNAME-UNEXPECTED",
         [](scene& one) {
             one.said.targets.push_back(names({"evil.test"}).front());
         }},
        {answer_fault::address_class, "address_class", "DNS-ADDRESS-CLASS",
         [](scene& one) {
             one.name("169.254.169.254");
         }},
        {answer_fault::network, "network", "DNS-PUBLIC-FOR-PRIVATE",
         [](scene& one) {
             one.name("8.8.8.8");
         }},
        {answer_fault::not_allowed, "not_allowed", "DNS-ADDRESS-UNEXPECTED",
         [](scene& one) {
             one.name("10.9.9.9");
         }},
        {answer_fault::denied, "denied", "DNS-ADDRESS-UNEXPECTED",
         [](scene& one) {
             one.name("10.1.9.9");
         }},
        {answer_fault::own_listener, "own_listener", "CFG-SELF-ADDRESS",
         [](scene& one) {
             one.rules.own = all_at({"10.1.0.1"});
         }},
        {answer_fault::too_many, "too_many", "DNS-ADDRESS-UNEXPECTED",
         [](scene& one) {
             one.rules.max_addresses = 2;
         }},
        {answer_fault::lock_chain, "lock_chain", "DNS-LOCK-DRIFT",
         [](scene& one) {
             one.rules.lock->chain.clear();
         }},
        {answer_fault::lock_address, "lock_address", "DNS-LOCK-DRIFT",
         [](scene& one) {
             one.rules.lock->addresses.pop_back();
         }},
    };
}

TEST(policy_answer_rules, each_breach_has_its_label_and_its_finding) {
    for (const auto& [fault, label, finding, commit] : breaches()) {
        EXPECT_EQ(to_string(fault), label);
        EXPECT_EQ(finding_of(fault), finding);
        scene one;
        commit(one);
        const auto refused = policy::refuse_answer(one.said, one.rules);
        ASSERT_TRUE(refused) << label;
        EXPECT_EQ(refused->fault, fault) << label;
    }
}

TEST(policy_answer_rules, of_two_breaches_the_earlier_rule_is_reported) {
    const auto all = breaches();
    for (auto first = all.begin(); first != all.end(); ++first) {
        for (auto second = first + 1; second != all.end(); ++second) {
            if (first->fault == answer_fault::insecure &&
                second->fault == answer_fault::not_authenticated) {
                continue; // one mode asks for the one, another for the other
            }
            scene one;
            second->commit(one);
            first->commit(one);
            const auto refused = policy::refuse_answer(one.said, one.rules);
            ASSERT_TRUE(refused);
            EXPECT_EQ(refused->fault, first->fault) << first->label << ", " << second->label;
        }
    }
}

/// The order of the records does not choose what is reported.
TEST(policy_answer_rules, the_order_of_the_addresses_does_not_matter) {
    auto bad = texts{"10.1.9.9", "10.9.9.9", "169.254.169.254", "8.8.8.8"};
    std::sort(bad.begin(), bad.end());
    do {
        scene one;
        for (const auto& address : bad) {
            one.name(address);
        }
        EXPECT_EQ(verdict(one).substr(0, 30), "address_class: 169.254.169.254");
    } while (std::next_permutation(bad.begin(), bad.end()));
}

/// What may not come in may not stay in after the rules have changed.
TEST(policy_answer_rules, one_address_by_itself_is_judged_the_same) {
    struct endpoint_row {
        const char* address;
        const char* label;
    };

    for (const auto& [address, label] : {
             endpoint_row{"10.1.0.1", ""},
             endpoint_row{"169.254.169.254", "address_class"},
             endpoint_row{"8.8.8.8", "network"},
             endpoint_row{"10.9.9.9", "not_allowed"},
             endpoint_row{"10.1.9.9", "denied"},
             endpoint_row{"10.1.0.3:26258", "own_listener"},
             endpoint_row{"10.1.0.3", "lock_address"},
         }) {
        scene one;
        one.rules.own = all_at({"10.1.0.3:26258"});
        const auto refused = policy::refuse_endpoint(at(address), one.rules);
        EXPECT_EQ(refused ? to_string(refused->fault) : "", label) << address;
    }
}

} // namespace
} // namespace roachpin
