#include "audit/catalogue.hpp"
#include "audit/steps.hpp"
#include "audit_scene.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace roachpin::audit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// "tcp crdb.internal 10.1.0.1:26257: connected", with "!" before what did not pass and "-" before
/// what was skipped.
std::string text_of(const looked_at& step) {
    return (step.skipped  ? "-"
            : step.passed ? ""
                          : "!") +
           step.stage + " " + step.host + " " + step.subject + ": " + step.outcome;
}

std::vector<std::string> steps_at(const report& made, const std::string& host,
                                  const std::string& subject) {
    std::vector<std::string> texts;
    for (const auto& step : made.steps) {
        if (step.host == host && step.subject == subject) {
            texts.push_back(text_of(step));
        }
    }
    return texts;
}

TEST(audit_steps, tell_each_stage_of_each_server_and_each_address) {
    const auto made = make_report(audit_scene().seen, today);
    EXPECT_THAT(made.findings, IsEmpty());
    EXPECT_THAT(steps_at(made, "crdb.internal", "127.0.0.53"),
                ElementsAre("dns crdb.internal 127.0.0.53: 10.1.0.1:26257, 10.1.0.2:26257; ttl "
                            "30s; not authenticated",
                            "-dnssec crdb.internal 127.0.0.53: resolver.dnssec is off",
                            "policy crdb.internal 127.0.0.53: accepted"));
    EXPECT_THAT(
        steps_at(made, "crdb.internal", "10.1.0.2:26257"),
        ElementsAre("tcp crdb.internal 10.1.0.2:26257: connected",
                    "sslrequest crdb.internal 10.1.0.2:26257: the node agrees to TLS",
                    "tls crdb.internal 10.1.0.2:26257: CN=node,O=Cockroach, issued by CN=Cockroach "
                    "CA,O=Cockroach, RSA 2048, TLSv1.3, until 2027-11-22",
                    "startup crdb.internal 10.1.0.2:26257: the node goes on with the login",
                    "-health crdb.internal 10.1.0.2:26257: health.http is not enabled"));
    EXPECT_THAT(steps_at(made, "crdb-9.crdb.internal", ""),
                ElementsAre(HasSubstr("configuration crdb-9"), HasSubstr("-dns crdb-9"),
                            HasSubstr("-dnssec crdb-9"), HasSubstr("-policy crdb-9")));
    EXPECT_TRUE(std::all_of(made.steps.begin(), made.steps.end(),
                            [](const auto& step) { return step.passed; }));
}

TEST(audit_steps, skip_what_comes_behind_a_failure) {
    audit_scene scene;
    scene.fail({dial_phase::sslrequest, "tls_declined", "the node answered 'N'", true});
    EXPECT_THAT(steps_at(make_report(scene.seen, today), "crdb.internal", "10.1.0.1:26257"),
                ElementsAre("tcp crdb.internal 10.1.0.1:26257: connected",
                            "!sslrequest crdb.internal 10.1.0.1:26257: tls_declined: the node "
                            "answered 'N'",
                            HasSubstr("-tls"), HasSubstr("-startup"), HasSubstr("-health")));
}

TEST(audit_steps, tell_a_refused_answer_and_that_nothing_is_dialled) {
    audit_scene scene;
    scene.all_say(answer({place("10.66.6.6")}));
    scene.seen.nodes[0].addresses.clear();
    const auto made = make_report(scene.seen, today);
    EXPECT_THAT(steps_at(made, "crdb.internal", "[::1]"),
                ElementsAre(HasSubstr("dns crdb.internal [::1]: 10.66.6.6:26257"),
                            HasSubstr("-dnssec"),
                            HasSubstr("!policy crdb.internal [::1]: "
                                      "10.66.6.6 is outside allow")));
    EXPECT_THAT(steps_at(made, "crdb.internal", ""),
                ElementsAre(HasSubstr("configuration"),
                            "-tcp crdb.internal : no address may be "
                            "dialled",
                            HasSubstr("-sslrequest"), HasSubstr("-tls"), HasSubstr("-startup"),
                            HasSubstr("-health")));
}

TEST(audit_steps, tell_silence_and_signatures) {
    audit_scene scene;
    scene.seen.configuration.resolver.dnssec = policy::dnssec_mode::validate;
    scene.rules.answers.dnssec = policy::dnssec_mode::validate;
    scene.say(0, policy::silence{policy::silence_kind::nx_domain, "NXDOMAIN"});
    auto secure = answer({place("10.1.0.1"), place("10.1.0.2")});
    secure.proof = policy::authenticity::secure;
    scene.say(1, secure);
    auto made = make_report(scene.seen, today);
    EXPECT_THAT(steps_at(made, "crdb.internal", "127.0.0.53"),
                ElementsAre("!dns crdb.internal 127.0.0.53: NXDOMAIN", HasSubstr("-dnssec"),
                            HasSubstr("-policy")));
    EXPECT_THAT(steps_at(made, "crdb.internal", "[::1]"),
                ElementsAre(HasSubstr("dns"), "dnssec crdb.internal [::1]: authenticated",
                            HasSubstr("policy")));
    scene.say(1, answer({place("10.1.0.1")}));
    scene.say(0, policy::silence{policy::silence_kind::bogus, "signature expired"});
    made = make_report(scene.seen, today);
    EXPECT_THAT(steps_at(made, "crdb.internal", "[::1]"),
                testing::Contains("!dnssec crdb.internal [::1]: not authenticated"));
    EXPECT_THAT(steps_at(made, "crdb.internal", "127.0.0.53"),
                testing::Contains("!dnssec crdb.internal 127.0.0.53: signature expired"));
}

TEST(audit_steps, skip_everything_that_needs_a_network_offline) {
    audit_scene scene;
    scene.seen.offline = true;
    scene.seen.nodes.assign(2, {});
    const auto made = make_report(scene.seen, today);
    for (const auto& step : made.steps) {
        EXPECT_EQ(step.skipped, step.stage != stages::configuration) << text_of(step);
    }
    EXPECT_THAT(made.unfinished, IsEmpty());
}

TEST(audit_steps, have_one_for_every_finding) {
    audit_scene scene;
    scene.by_name().allow.push_back(network("10.0.0.0/8"));
    scene.at(0).proof->ends = today;
    scene.at(0).health = readiness{false, "the node answered 503"};
    scene.seen.nodes[1].addresses[0] =
        address_observation{.where = place("10.1.9.9"),
                            .trouble = dial_trouble{dial_phase::tls, "timeout", "no end", false}};
    scene.seen.machine.own_endpoints = {place("10.1.9.9")};
    scene.seen.machine.lock_review_by.reset();
    scene.all_say(answer({place("10.1.0.1")}));
    const auto made = make_report(scene.seen, today);
    EXPECT_GE(made.findings.size(), 7U);
    for (const auto& one : made.findings) {
        const auto count =
            std::count_if(made.steps.begin(), made.steps.end(), [&](const auto& step) {
                return step.stage == find(one.id)->stage && step.host == one.host &&
                       step.subject == one.subject && !step.passed && !step.skipped;
            });
        EXPECT_EQ(count, 1) << one.id;
    }
}

} // namespace
} // namespace roachpin::audit
