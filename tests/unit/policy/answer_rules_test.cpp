#include "policy/answer_rules.hpp"
#include "unit/policy/answer_scene.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace roachpin {
namespace {

using namespace answers;
using policy::authenticity;
using policy::dnssec_mode;
using policy::network_class;

struct row {
    const char* name;
    std::function<void(scene&)> change;
    const char* verdict;
};

void expect_verdicts(const std::vector<row>& rows) {
    for (const auto& [name, change, expected] : rows) {
        scene one;
        change(one);
        EXPECT_EQ(verdict(one), expected) << name;
    }
}

TEST(policy_answer_rules, a_clean_answer_is_not_refused) {
    EXPECT_EQ(verdict({}), "");
}

TEST(policy_answer_rules, signatures_are_asked_for_as_configured) {
    const auto* const insecure = "dnssec_insecure: resolver.dnssec is validate, and the answer is "
                                 "not signed by a key that the trust anchor leads to; sign the "
                                 "zone, or correct resolver.trust_anchor_file";
    const auto* const not_authenticated =
        "dnssec_not_authenticated: resolver.dnssec is require_ad, and the server did not "
        "authenticate the answer; sign the zone, or ask a server that validates";
    const auto* const bogus = "dnssec_bogus: the answer's DNSSEC signatures do not hold; correct "
                              "the zone's signatures, its DS record or the clock";

    struct proof_row {
        dnssec_mode mode;
        authenticity proof;
        const char* verdict;
    };

    for (const auto& [mode, proof, expected] : {
             proof_row{dnssec_mode::off, authenticity::unknown, ""},
             proof_row{dnssec_mode::off, authenticity::secure, ""},
             proof_row{dnssec_mode::off, authenticity::insecure, ""},
             proof_row{dnssec_mode::off, authenticity::bogus, bogus},
             proof_row{dnssec_mode::require_ad, authenticity::unknown, not_authenticated},
             proof_row{dnssec_mode::require_ad, authenticity::secure, ""},
             proof_row{dnssec_mode::require_ad, authenticity::insecure, not_authenticated},
             proof_row{dnssec_mode::require_ad, authenticity::bogus, bogus},
             proof_row{dnssec_mode::validate, authenticity::unknown, insecure},
             proof_row{dnssec_mode::validate, authenticity::secure, ""},
             proof_row{dnssec_mode::validate, authenticity::insecure, insecure},
             proof_row{dnssec_mode::validate, authenticity::bogus, bogus},
         }) {
        scene one;
        one.rules.dnssec = mode;
        one.said.proof = proof;
        EXPECT_EQ(verdict(one), expected);
    }
}

TEST(policy_answer_rules, what_the_validator_says_is_shown_printable) {
    scene one;
    one.said.proof = authenticity::bogus;
    one.said.why_bogus = "signature expired\n<x.test>";
    EXPECT_EQ(verdict(one),
              "dnssec_bogus: the answer's DNSSEC signatures do not hold (signature "
              "expired\\x0a<x.test>); correct the zone's signatures, its DS record or the clock");
}

TEST(policy_answer_rules, names_stay_within_cname_allow) {
    const auto aliases = [](const texts& chain) {
        return [chain](scene& one) {
            one.rules.lock.reset();
            one.said.chain = names(chain);
        };
    };
    const auto targets = [](const texts& all) {
        return [all](scene& one) {
            one.said.targets = names(all);
        };
    };
    const auto* const end = ", outside cname_allow (crdb.internal); correct the record, or add its "
                            "domain to cname_allow after review";
    const auto alias_refused = [&](const std::string& name) {
        return "alias: an alias leads to " + name + end;
    };
    const auto evil = alias_refused("evil.test");
    const auto beside = alias_refused("evilcrdb.internal");
    const auto above = alias_refused("internal");
    const auto root = alias_refused(".");
    const auto target = "srv_target: an SRV record leads to n9.other.internal" + std::string(end);
    expect_verdicts({
        {"no alias", aliases({}), ""},
        {"the suffix itself", aliases({"crdb.internal"}), ""},
        {"below, in several steps", aliases({"a.crdb.internal", "b.c.crdb.internal"}), ""},
        {"elsewhere", aliases({"evil.test"}), evil.c_str()},
        {"elsewhere and back", aliases({"evil.test", "a.crdb.internal"}), evil.c_str()},
        {"elsewhere in the end", aliases({"a.crdb.internal", "evil.test"}), evil.c_str()},
        {"a name that only ends alike", aliases({"evilcrdb.internal"}), beside.c_str()},
        {"above the suffix", aliases({"internal"}), above.c_str()},
        {"the root", aliases({"."}), root.c_str()},
        {"no target", targets({}), ""},
        {"a target elsewhere", targets({"n1.crdb.internal", "n9.other.internal"}), target.c_str()},
        {"one of several suffixes",
         [](scene& one) {
             one.rules.cname_allow = names({"other.internal", "crdb.internal"});
             one.said.targets = names({"n1.crdb.internal", "n9.other.internal"});
         },
         ""},
        {"no suffix at all",
         [](scene& one) {
             one.rules.cname_allow.clear();
             one.rules.lock.reset();
         },
         "alias: an alias leads to db.crdb.internal, outside cname_allow (none); correct the "
         "record, or add its domain to cname_allow after review"},
    });
}

TEST(policy_answer_rules, class_beats_allow) {
    struct class_row {
        const char* address;
        const char* allow;
        const char* kind; ///< where refused for it
    };

    for (const auto& [address, allow, kind] : {
             class_row{"0.0.0.0", "0.0.0.0/8", "unspecified"},
             class_row{"::", "::/128", "unspecified"},
             class_row{"169.254.169.254", "169.254.0.0/16", "link-local"},
             class_row{"fe80::1", "fe80::/10", "link-local"},
             class_row{"224.0.0.1", "224.0.0.1/32", "multicast"},
             class_row{"ff02::1", "ff02::1/128", "multicast"},
             class_row{"64:ff9b::a01:1", "64:ff9b::/96", "transition"},
             class_row{"2002:a01:1::1", "2002::/16", "transition"},
             class_row{"2001::1", "2001::/32", "transition"},
             class_row{"192.0.2.1", "192.0.2.0/24", "reserved"},
             class_row{"255.255.255.255", "128.0.0.0/1", "reserved"},
             class_row{"2001:db8::1", "2001:db8::/32", "reserved"},
             class_row{"10.1.0.1", "10.0.0.0/8", ""},
             class_row{"8.8.8.8", "8.8.8.8/32", ""},
             class_row{"2600::1", "2600::/32", ""},
             class_row{"fd00::1", "fd00::/16", ""},
         }) {
        scene one;
        one.allow_only({allow});
        one.said.endpoints = all_at({address});
        const auto expected = std::string("address_class: ") + address + " (" + kind +
                              ") is no address of a node, whatever allow says; correct the record";
        EXPECT_EQ(verdict(one), *kind == '\0' ? "" : expected) << address;
    }
}

TEST(policy_answer_rules, loopback_is_for_who_asked_for_it) {
    struct loopback_row {
        const char* address;
        texts allow;
        bool allowed;
    };

    for (const auto& [address, allow, allowed] : {
             loopback_row{"127.0.0.1", {"127.0.0.0/8"}, true},
             loopback_row{"127.0.0.1", {"10.1.0.0/16", "127.0.0.1/32"}, true},
             loopback_row{"::ffff:127.0.0.1", {"127.0.0.1/32"}, true},
             loopback_row{"::1", {"::1/128"}, true},
             loopback_row{"127.0.0.2", {"127.0.0.1/32"}, false},
             loopback_row{"127.0.0.1", {"::1/128"}, false},
             loopback_row{"::1", {"127.0.0.0/8"}, false},
             loopback_row{"127.0.0.1", {"126.0.0.0/7"}, false},
             loopback_row{"127.0.0.1", {"64.0.0.0/2"}, false},
             loopback_row{"::1", {"::/127"}, false},
             loopback_row{"::1", {"::/64"}, false},
             loopback_row{"127.0.0.1", {"126.0.0.0/7", "127.0.0.0/16"}, true},
             loopback_row{"127.0.0.1", {}, false},
         }) {
        scene one;
        one.allow_only(allow);
        one.said.endpoints = all_at({address});
        EXPECT_EQ(verdict(one).substr(0, 14), allowed ? "" : "address_class:") << address;
    }
}

TEST(policy_answer_rules, the_sentence_says_what_loopback_needs) {
    scene one;
    one.name("127.0.0.1");
    EXPECT_EQ(verdict(one), "address_class: 127.0.0.1 (loopback) needs a loopback network around "
                            "it in allow (10.1.0.0/16, fd00:1::/64); correct the record");
}

TEST(policy_answer_rules, addresses_are_of_the_network_that_is_declared) {
    struct network_row {
        const char* address;
        network_class declared;
        const char* refusal;
    };

    const auto* const is_public = " is a public address, and network is private; correct the "
                                  "record, or ask a server that sees the right side of the zone";
    const auto* const is_not = " is not a public address, and network is public; correct the "
                               "record, or ask a server that sees the right side of the zone";
    for (const auto& [address, declared, refusal] : {
             network_row{"8.8.8.8", network_class::any, ""},
             network_row{"10.1.0.1", network_class::any, ""},
             network_row{"8.8.8.8", network_class::public_only, ""},
             network_row{"2600::1", network_class::public_only, ""},
             network_row{"10.1.0.1", network_class::private_only, ""},
             network_row{"100.64.0.1", network_class::private_only, ""},
             network_row{"fd00::1", network_class::private_only, ""},
             network_row{"127.0.0.1", network_class::private_only, ""},
             network_row{"8.8.8.8", network_class::private_only, is_public},
             network_row{"2600::1", network_class::private_only, is_public},
             network_row{"10.1.0.1", network_class::public_only, is_not},
             network_row{"fd00::1", network_class::public_only, is_not},
             network_row{"127.0.0.1", network_class::public_only, is_not},
         }) {
        scene one;
        one.allow_only({"0.0.0.0/1", "127.0.0.0/8", "::/0"});
        one.rules.network = declared;
        one.said.endpoints = all_at({address});
        const auto expected = *refusal == '\0' ? "" : std::string("network: ") + address + refusal;
        EXPECT_EQ(verdict(one), expected) << address;
    }
}

} // namespace
} // namespace roachpin
