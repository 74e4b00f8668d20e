#include "audit/catalogue.hpp"
#include "audit/rules.hpp"
#include "audit/steps.hpp"
#include "audit_scene.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

namespace roachpin::audit {
namespace {

using namespace std::chrono_literals;
using policy::silence;
using policy::silence_kind;
using std::chrono::days;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<finding> found_in(audit_scene scene) {
    report made;
    made.findings = judge(scene.seen, today);
    sort_findings(made);
    return made.findings;
}

std::vector<std::string> ids_of(const std::vector<finding>& found) {
    std::vector<std::string> ids;
    for (const auto& one : found) {
        ids.emplace_back(one.id);
    }
    return ids;
}

/// What is spoiled, and all that has to be said of it: one id, as often as is given here.
struct spoiled {
    const char* id;
    const char* how;
    severity level;
    std::function<void(audit_scene&)> change;
    std::size_t line = 10;
    std::size_t times = 1;
};

auto refused_for(const char* reason) {
    return [reason](audit_scene& scene) {
        scene.refuse(reason);
    };
}

auto silent(silence_kind kind) {
    return [kind](audit_scene& scene) {
        scene.say(0, silence{kind, "SERVFAIL"});
    };
}

const std::vector<spoiled> all_spoiled{
    {"DNS-ADDRESS-UNEXPECTED", "outside_allow", severity::critical,
     [](auto& scene) {
         scene.say(0, answer({place("10.1.0.1"), place("10.66.6.6")}));
     }},
    {"DNS-DANGLING-CNAME", "an_alias_to_nothing", severity::critical,
     [](auto& scene) {
         scene.say(0, silence{silence_kind::dangling,
                              "alias to gone.internal: NXDOMAIN",
                              false,
                              0s,
                              {name("gone.internal")}});
     }},
    {"TLS-VERIFY-FAILED", "another_name", severity::critical, refused_for("wrong_name")},
    {"TLS-VERIFY-FAILED", "another_authority", severity::critical, refused_for("untrusted_chain")},
    {"TLS-VERIFY-FAILED", "no_tls_behind_its_s", severity::critical, refused_for("not_tls")},
    {"TLS-VERIFY-FAILED", "a_label_nobody_knows", severity::critical, refused_for("what")},
    {"TLS-REFUSED", "it_says_n", severity::critical,
     [](auto& scene) {
         scene.fail({dial_phase::sslrequest, "tls_declined", "the node answered 'N'", true});
     }},
    {"TLS-CERT-EXPIRING", "refused_as_expired", severity::critical, refused_for("expired")},
    {"TLS-CERT-EXPIRING", "it_has_ended_since", severity::critical,
     [](auto& scene) {
         scene.at(0).proof->ends = today;
     }},
    {"TLS-CERT-EXPIRING", "it_ends_soon", severity::medium,
     [](auto& scene) {
         scene.at(0).proof->ends = today + days(30) - 1s;
     }},
    {"TLS-CERT-EXPIRING", "our_own_ends_soon", severity::medium,
     [](auto& scene) { scene.seen.machine.certificates[0].not_after = today + days(3); }, 6},
    {"TLS-CERT-EXPIRING", "the_last_root_ends_soon", severity::medium,
     [](auto& scene) { scene.seen.machine.anchors[0].not_after = today + days(29); }, 5},
    {"TLS-CERT-EXPIRING", "our_own_has_ended", severity::critical,
     [](auto& scene) { scene.seen.machine.certificates[0].not_after = today; }, 6},
    {"DNS-CNAME-UNEXPECTED", "an_alias_that_leaves", severity::high,
     [](auto& scene) {
         auto said = answer({place("10.1.0.1"), place("10.1.0.2")});
         said.chain = {name("elsewhere.example")};
         scene.say(0, said);
     }},
    {"DNS-ADDRESS-CLASS", "link_local", severity::high,
     [](auto& scene) {
         scene.say(0, answer({place("169.254.169.254")}));
     }},
    {"DNS-PUBLIC-FOR-PRIVATE", "a_public_address", severity::high,
     [](auto& scene) {
         scene.rules.answers.network = policy::network_class::private_only;
         scene.say(0, answer({place("8.8.8.8")}));
     }},
    {"DNS-NXDOMAIN", "no_such_name", severity::high, silent(silence_kind::nx_domain)},
    {"DNS-SERVFAIL", "a_failure", severity::high, silent(silence_kind::failed)},
    {"DNS-SERVFAIL", "noise", severity::high,
     [](auto& scene) {
         scene.say(0, policy::unusable{"no question"});
     }},
    {"DNS-SERVFAIL", "one_family_only", severity::high,
     [](auto& scene) {
         scene.seen.nodes[0].said[0].unanswered.v6 = silence{silence_kind::failed, "SERVFAIL"};
     }},
    {"DNS-BOGUS", "signatures_that_do_not_hold", severity::high,
     [](auto& scene) {
         auto said = answer({place("10.1.0.1"), place("10.1.0.2")});
         said.proof = policy::authenticity::bogus;
         scene.say(0, said);
     }},
    {"DNS-RESOLVER-UNREACHABLE", "no_answer", severity::high, silent(silence_kind::unreachable)},
    {"TLS-PIN-MISMATCH", "no_pin_matches", severity::high, refused_for("pin_mismatch")},
    {"TLS-ISSUER-CHANGED", "not_the_locks_issuer", severity::high, refused_for("issuer_changed")},
    {"TLS-REVOKED", "a_revoked_pin_matches", severity::high, refused_for("pin_revoked")},
    {"TLS-REVOKED", "no_list_of_its_issuer", severity::high, refused_for("crl_unusable")},
    {"TLS-REVOKED", "the_crl_has_it", severity::high, refused_for("revoked")},
    {"NODE-UNREACHABLE", "nobody_there", severity::high,
     [](auto& scene) {
         scene.fail({dial_phase::tcp, "refused", "connection refused", false});
     }},
    {"CFG-SELF-ADDRESS", "a_pinned_listener", severity::high,
     [](auto& scene) { scene.seen.machine.own_endpoints = {place("10.1.9.9")}; }, 14},
    {"CFG-SELF-ADDRESS", "an_answered_listener", severity::high,
     [](auto& scene) {
         scene.rules.answers.own = {place("10.1.0.7")};
         scene.say(0, answer({place("10.1.0.7")}));
     }},
    {"DNS-NODATA", "no_address", severity::medium, silent(silence_kind::no_data)},
    {"DNS-NOT-AUTHENTICATED", "no_ad", severity::medium,
     [](auto& scene) {
         scene.rules.answers.dnssec = policy::dnssec_mode::require_ad;
         scene.decide();
     },
     10, 2},
    {"DNS-RESOLVER-DISAGREE", "nothing_in_common", severity::medium,
     [](auto& scene) {
         scene.seen.nodes[0].lock.reset();
         scene.say(0, answer({place("10.1.0.1")}));
         scene.say(1, answer({place("10.1.0.2")}));
     }},
    {"DNS-LOCK-DRIFT", "one_more", severity::medium,
     [](auto& scene) {
         scene.all_say(answer({place("10.1.0.1"), place("10.1.0.2"), place("10.1.0.3")}));
     }},
    {"DNS-LOCK-DRIFT", "one_less", severity::medium,
     [](auto& scene) {
         scene.all_say(answer({place("10.1.0.1")}));
     }},
    {"DNS-LOCK-DRIFT", "another_alias", severity::medium,
     [](auto& scene) {
         auto said = answer({place("10.1.0.1"), place("10.1.0.2")});
         said.chain = {name("gw.internal")};
         scene.say(0, said);
     }},
    {"TLS-CERT-WEAK", "a_short_key", severity::medium,
     [](auto& scene) {
         scene.at(0).proof->key_kind = "EC";
         scene.at(0).proof->key_bits = 224;
     }},
    {"TLS-CERT-WEAK", "a_short_modulus", severity::medium,
     [](auto& scene) {
         scene.at(0).proof->key_bits = 1024;
     }},
    {"TLS-CERT-WEAK", "sha1", severity::medium,
     [](auto& scene) {
         scene.at(0).proof->digest = "SHA1";
     }},
    {"TLS-CERT-WEAK", "a_wildcard_only", severity::medium,
     [](auto& scene) {
         scene.at(0).proof->names_host = false;
     }},
    {"NODE-NOT-READY", "draining", severity::medium,
     [](auto& scene) {
         scene.at(0).startup = readiness{false, "the node answered 57P01"};
     }},
    {"NODE-NOT-READY", "unhealthy", severity::medium,
     [](auto& scene) {
         scene.at(0).health = readiness{false, "the node answered 503"};
     }},
    {"CFG-ALLOWLIST-WIDE", "v4", severity::medium,
     [](auto& scene) {
         scene.by_name().allow.push_back(network("10.0.0.0/15"));
     }},
    {"CFG-ALLOWLIST-WIDE", "v6", severity::medium,
     [](auto& scene) {
         scene.by_name().allow.push_back(network("fd00::/47"));
     }},
    {"CFG-CA-PUBLIC", "a_root_of_everybody", severity::medium,
     [](auto& scene) {
         scene.seen.machine.anchors.push_back(good_anchor("CN=Everybody's Root"));
         scene.seen.machine.anchors.back().is_public = true;
     },
     5},
    {"CFG-CA-PUBLIC", "a_whole_bundle", severity::medium,
     [](auto& scene) { scene.seen.machine.anchors.resize(33, good_anchor("CN=One of many")); }, 5},
    {"CFG-KEY-PERMISSIONS", "a_folder_for_everybody", severity::medium,
     [](auto& scene) { scene.key_file().folder.mode = 0777; }, 7},
    {"CFG-KEY-PERMISSIONS", "a_folder_for_another_group", severity::medium,
     [](auto& scene) {
         scene.key_file().folder.mode = 0775;
         scene.key_file().folder.group = 33;
     },
     7},
    {"CFG-KEY-PERMISSIONS", "a_ca_file_for_everybody", severity::medium,
     [](auto& scene) { scene.ca_file().file.mode = 0666; }, 5},
    {"CFG-VERIFIES-LOCALHOST", "by_name", severity::medium,
     [](auto& scene) { scene.seen.configuration.cluster.nodes[1].host = host("localhost"); }, 14},
    {"CFG-VERIFIES-LOCALHOST", "by_address", severity::medium,
     [](auto& scene) { scene.seen.configuration.cluster.nodes[1].host = host("127.0.0.1"); }, 14},
    {"CFG-LOCK-EXPIRED", "the_day_after", severity::medium,
     [](auto& scene) { scene.seen.machine.lock_review_by = std::chrono::year(2026) / 11 / 21; },
     20},
    {"CFG-LIB-VULNERABLE", "c_ares", severity::medium,
     [](auto& scene) { scene.seen.machine.libraries[0].version = "1.34.5"; }, 1},
    {"DNS-RESOLVER-INSECURE", "over_a_network", severity::low,
     [](auto& scene) {
         scene.seen.configuration.resolver.servers[0] = server("10.0.0.53", "10.0.0.53");
     },
     1},
    {"DNS-TTL-EXTREME", "short", severity::low,
     [](auto& scene) {
         auto said = answer({place("10.1.0.1"), place("10.1.0.2")});
         said.ttl = 4s;
         scene.say(0, said);
     }},
    {"DNS-TTL-EXTREME", "long", severity::low,
     [](auto& scene) {
         auto said = answer({place("10.1.0.1"), place("10.1.0.2")});
         said.ttl = 86401s;
         scene.say(0, said);
     }},
    {"TLS-SAME-CERT-ACROSS-NODES", "one_key_twice", severity::low,
     [](auto& scene) {
         scene.at(1).proof->leaf_key = scene.at(0).proof->leaf_key;
     }},
    {"TLS-SAME-CERT-ACROSS-NODES", "one_key_of_two_nodes", severity::low,
     [](auto& scene) {
         scene.seen.nodes[1].addresses[0].proof->leaf_key = scene.at(0).proof->leaf_key;
     }},
    {"CFG-NAME-NOT-FQDN", "one_label", severity::low,
     [](auto& scene) {
         scene.named().host = host("crdb");
     }},
    {"CFG-NAME-NOT-FQDN", "a_short_name_of_kubernetes", severity::low,
     [](auto& scene) {
         scene.named().host = host("crdb.database.svc");
     }},
    {"CFG-LOCK-MISSING", "not_set", severity::low,
     [](auto& scene) {
         scene.seen.configuration.lock.file.reset();
         scene.seen.machine.lock_review_by.reset();
     },
     1},
    {"CFG-LOCK-MISSING", "not_made", severity::high,
     [](auto& scene) { scene.seen.machine.lock_review_by.reset(); }, 20},
};

TEST(audit_rules, say_nothing_where_all_is_well) {
    EXPECT_THAT(ids_of(found_in({})), IsEmpty());
}

class audit_spoiled_rules : public testing::TestWithParam<spoiled> {};

TEST_P(audit_spoiled_rules, say_what_it_is_and_nothing_else) {
    const auto& [id, how, level, change, line, times] = GetParam();
    audit_scene scene;
    change(scene);
    const auto found = found_in(scene);
    EXPECT_EQ(ids_of(found), std::vector<std::string>(times, id));
    for (const auto& one : found) {
        EXPECT_EQ(one.level, level);
        EXPECT_EQ(one.line, line);
        EXPECT_THAT(one.evidence, testing::Not(IsEmpty()));
    }
}

INSTANTIATE_TEST_SUITE_P(all, audit_spoiled_rules, testing::ValuesIn(all_spoiled),
                         [](const auto& row) {
                             auto id = std::string(row.param.id);
                             std::replace(id.begin(), id.end(), '-', '_');
                             return id + "_" + row.param.how;
                         });

/// What comes close to a rule, and does not break it.
struct harmless {
    const char* how;
    std::function<void(audit_scene&)> change;
};

const std::vector<harmless> all_harmless{
    {"thirty_days_left",
     [](auto& scene) {
         scene.at(0).proof->ends = today + days(30);
     }},
    {"an_old_root_that_ends",
     [](auto& scene) {
         scene.seen.machine.anchors.push_back({"CN=Old", today});
     }},
    {"a_ca_file_for_its_owners_group",
     [](auto& scene) {
         scene.ca_file().file.mode = 0664;
     }},
    {"a_curve_of_256_bits",
     [](auto& scene) {
         scene.at(0).proof->key_kind = "EC";
         scene.at(0).proof->key_bits = 256;
     }},
    {"a_signature_without_digest",
     [](auto& scene) {
         scene.at(0).proof->key_kind = "ED25519";
         scene.at(0).proof->key_bits = 256;
         scene.at(0).proof->digest.clear();
     }},
    {"healthy",
     [](auto& scene) {
         scene.at(0).health = readiness{true, "200"};
     }},
    {"just_narrow_enough",
     [](auto& scene) {
         scene.by_name().allow = {network("10.1.0.0/16"), network("fd00::/48")};
     }},
    {"as_many_anchors_as_may_be",
     [](auto& scene) {
         scene.seen.machine.anchors.resize(32, good_anchor("CN=One of many"));
     }},
    {"a_sticky_folder",
     [](auto& scene) {
         scene.key_file().folder.mode = 01777;
     }},
    {"a_folder_for_the_owners_own_group",
     [](auto& scene) {
         scene.key_file().folder.mode = 0775;
     }},
    {"a_folder_for_our_group",
     [](auto& scene) {
         scene.key_file().folder = {1000, 100, 0775};
     }},
    {"the_last_day_for_a_review",
     [](auto& scene) {
         scene.seen.machine.lock_review_by = std::chrono::year(2026) / 11 / 22;
     }},
    {"a_server_over_tls",
     [](auto& scene) {
         scene.seen.configuration.resolver.servers[0] =
             server("tls://10.0.0.53#dns", "10.0.0.53", settings::dns_transport::tls);
     }},
    {"a_network_where_answers_are_validated",
     [](auto& scene) {
         scene.seen.configuration.resolver.servers[0] = server("10.0.0.53", "10.0.0.53");
         scene.seen.configuration.resolver.dnssec = policy::dnssec_mode::validate;
     }},
    {"servers_that_nobody_asks",
     [](auto& scene) {
         scene.seen.configuration.resolver.servers[0] = server("10.0.0.53", "10.0.0.53");
         scene.seen.configuration.cluster.nodes.erase(
             scene.seen.configuration.cluster.nodes.begin());
         scene.seen.nodes.erase(scene.seen.nodes.begin());
     }},
    {"no_lock_to_drift_from",
     [](auto& scene) {
         scene.seen.nodes[0].lock.reset();
         scene.all_say(answer({place("10.1.0.3")}));
     }},
    {"a_short_ttl",
     [](auto& scene) {
         auto said = answer({place("10.1.0.1"), place("10.1.0.2")});
         said.ttl = 5s;
         scene.say(0, said);
     }},
    {"a_long_ttl",
     [](auto& scene) {
         auto said = answer({place("10.1.0.1"), place("10.1.0.2")});
         said.ttl = 86400s;
         scene.say(0, said);
     }},
    {"no_answer_in_a_family_that_is_not_allowed",
     [](auto& scene) {
         scene.by_name().allow = {network("10.1.0.0/16")};
         scene.seen.nodes[0].said[0].unanswered.v6 = silence{silence_kind::failed, "SERVFAIL"};
     }},
    {"one_key_at_two_families",
     [](auto& scene) {
         scene.at(1).where = place("fd00:1::2");
         scene.at(1).proof->leaf_key = scene.at(0).proof->leaf_key;
     }},
    {"one_key_at_one_place_of_two_nodes",
     [](auto& scene) {
         scene.seen.nodes[1].addresses[0] = scene.at(0);
     }},
    {"another_machines_listener",
     [](auto& scene) {
         scene.seen.machine.own_endpoints = {place("10.1.9.9", 26258)};
     }},
    {"two_labels",
     [](auto& scene) {
         scene.named().host = host("crdb.internal");
     }},
    {"a_pinned_node_of_one_label",
     [](auto& scene) {
         scene.seen.configuration.cluster.nodes[1].host = host("crdb-9");
     }},
    {"descriptors_that_ran_out",
     [](auto& scene) {
         scene.fail({dial_phase::tcp, "out_of_resources", "too many open files", false});
     }},
    {"offline",
     [](auto& scene) {
         scene.seen.offline = true;
         scene.seen.nodes.assign(2, {});
     }},
};

class audit_harmless_rules : public testing::TestWithParam<harmless> {};

TEST_P(audit_harmless_rules, say_nothing) {
    audit_scene scene;
    GetParam().change(scene);
    EXPECT_THAT(ids_of(found_in(scene)), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(all, audit_harmless_rules, testing::ValuesIn(all_harmless),
                         [](const auto& row) { return std::string(row.param.how); });

/// One of them is the writers' own, one needs more than itself.
TEST(audit_rules, know_the_whole_catalogue) {
    std::set<std::string_view> provoked{"CFG-SUPPRESSION-EXPIRED", "DNS-CHANGE-RATE"};
    for (const auto& one : all_spoiled) {
        provoked.insert(one.id);
    }
    for (const auto& entry : catalogue()) {
        EXPECT_TRUE(provoked.contains(entry.id)) << entry.id;
    }
    EXPECT_EQ(provoked.size(), catalogue().size());
}

// --- more than one at once

TEST(audit_rules, say_that_most_of_what_is_locked_has_changed) {
    audit_scene scene;
    scene.all_say(answer({place("10.1.0.1"), place("10.1.0.3")}));
    const auto found = found_in(scene);
    EXPECT_EQ(ids_of(found), (std::vector<std::string>{"DNS-LOCK-DRIFT", "DNS-CHANGE-RATE"}));
    EXPECT_THAT(found[1].evidence, HasSubstr("gone: 10.1.0.2; not in it: 10.1.0.3"));
    EXPECT_EQ(found[1].level, severity::medium);
}

TEST(audit_rules, do_not_take_for_gone_what_nobody_answered) {
    audit_scene scene;
    scene.seen.nodes[0].lock->addresses.push_back(ip("fd00:1::1"));
    scene.decide();
    EXPECT_EQ(ids_of(found_in(scene)), std::vector<std::string>{"DNS-LOCK-DRIFT"});
    scene.by_name().allow.pop_back();
    scene.seen.nodes[0].said[0].unanswered.v6 = silence{silence_kind::failed, "SERVFAIL"};
    EXPECT_THAT(ids_of(found_in(scene)), IsEmpty());
}

TEST(audit_rules, say_that_what_is_refused_is_also_weak) {
    for (const auto* reason : {"weak", "tls_version"}) {
        audit_scene scene;
        scene.refuse(reason);
        EXPECT_EQ(ids_of(found_in(scene)),
                  (std::vector<std::string>{"TLS-VERIFY-FAILED", "TLS-CERT-WEAK"}));
    }
}

TEST(audit_rules, name_who_ends_first_where_it_is_not_the_leaf) {
    audit_scene scene;
    scene.at(0).proof->ends = today + days(2);
    scene.at(0).proof->ends_first = "CN=Cockroach CA";
    EXPECT_EQ(found_in(scene).at(0).evidence,
              "of the chain of CN=node,O=Cockroach: CN=Cockroach CA ends on 2026-11-24, in 2 days");
    scene.at(0).proof->ends = today - days(2);
    EXPECT_THAT(found_in(scene).at(0).evidence, HasSubstr("CN=Cockroach CA has ended on"));
}

TEST(audit_rules, tell_server_chain_ttl_and_authenticity_of_a_refused_answer) {
    audit_scene scene;
    auto said = answer({place("10.66.6.6")});
    said.chain = {name("gw.internal")};
    scene.seen.nodes[0].lock.reset();
    scene.say(1, said);
    const auto found = found_in(scene);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].subject, "[::1]");
    EXPECT_EQ(found[0].host, "crdb.internal");
    EXPECT_THAT(found[0].evidence, HasSubstr("10.66.6.6 is outside allow"));
    EXPECT_THAT(
        found[0].evidence,
        HasSubstr("(seen: alias gw.internal; 10.66.6.6:26257; ttl 30s; not authenticated)"));
}

TEST(audit_rules, give_the_most_severe_first_and_then_the_first_of_the_file) {
    audit_scene scene;
    scene.named().host = host("crdb");   // low, line 10
    scene.at(0).startup->ready = false;  // medium, line 10
    scene.key_file().folder.mode = 0777; // medium, line 7
    scene.seen.nodes[1].addresses[0] =
        address_observation{.where = place("10.1.9.9"),
                            .trouble = dial_trouble{dial_phase::tls, "wrong_name", "", true}};
    EXPECT_EQ(ids_of(found_in(scene)),
              (std::vector<std::string>{"TLS-VERIFY-FAILED", "CFG-KEY-PERMISSIONS",
                                        "NODE-NOT-READY", "CFG-NAME-NOT-FQDN"}));
}

TEST(audit_rules, know_what_could_not_be_looked_at) {
    audit_scene scene;
    const auto of = [&] {
        return make_report(scene.seen, today).unfinished;
    };
    EXPECT_THAT(of(), IsEmpty());
    scene.say(0, silence{silence_kind::failed, "SERVFAIL"});
    EXPECT_THAT(of(), IsEmpty());
    scene.say(0, silence{silence_kind::unreachable, "timeout"});
    scene.fail({dial_phase::tcp, "out_of_resources", "too many open files", false});
    EXPECT_THAT(of(), testing::UnorderedElementsAre(
                          HasSubstr("crdb.internal: 127.0.0.53 could not be asked: timeout"),
                          HasSubstr("10.1.0.1:26257 could not be dialled: too many open files")));
}

/// A family that nobody answered for is not known to be well, whatever the other says.
TEST(audit_rules, know_that_half_an_answer_was_not_looked_at) {
    audit_scene scene;
    scene.seen.nodes[0].said[0].unanswered.v6 = silence{silence_kind::unreachable, "timeout"};
    EXPECT_THAT(make_report(scene.seen, today).unfinished, SizeIs(1));
}

TEST(audit_rules, know_the_releases_of_c_ares_that_answers_can_crash) {
    for (const auto* version : {"1.32.3", "1.33.0", "1.34.5", "1.34.6"}) {
        EXPECT_TRUE(is_vulnerable_c_ares(version)) << version;
    }
    for (const auto* version :
         {"1.18.1", "1.27.0", "1.32.2", "1.34.7", "1.34.8", "1.35.0", "2.0.0", "", "?"}) {
        EXPECT_FALSE(is_vulnerable_c_ares(version)) << version;
    }
}

} // namespace
} // namespace roachpin::audit
