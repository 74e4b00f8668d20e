#include "app/resolve_report.hpp"
#include "unit/policy/answers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using app::exit_code_of;
using app::name_question;
using app::resolve_report;
using app::to_text;
using net::asked;
using net::inquiry;
using testing::HasSubstr;
using testing::Not;

core::dns_name name(const std::string& text) {
    return core::dns_name::parse(text).value();
}

asked found(const answers::texts& addresses, const answers::texts& chain = {}) {
    dns::answer said{.status = dns::answer_status::found,
                     .chain = answers::names(chain),
                     .addresses = answers::addresses(addresses),
                     .ttl = 30};
    return net::validated{said, policy::authenticity::unknown, {}};
}

asked denied(dns::answer_status status, std::uint16_t rcode,
             std::optional<dns::extended_error> extended = {}) {
    dns::answer said{.status = status, .rcode = rcode, .extended = std::move(extended)};
    return net::validated{said, policy::authenticity::unknown, {}};
}

asked no_data() {
    return denied(dns::answer_status::no_data, 0);
}

asked silence() {
    return net::unanswered{false, "no answer within resolver.timeout"};
}

inquiry says(asked a, asked aaaa = no_data()) {
    inquiry told;
    told.names.push_back({std::move(a), std::move(aaaa)});
    return told;
}

policy::pin_rules rules() {
    policy::pin_rules made;
    made.answers.allow = answers::networks({"10.1.0.0/16"});
    made.answers.cname_allow = answers::names({"db.internal"});
    return made;
}

name_question node_question() {
    return {.name = name("crdb.db.internal"), .port = 26257, .rules = rules()};
}

resolve_report report_of(name_question question, std::vector<inquiry> told) {
    std::vector<std::string> servers;
    for (std::size_t i = 0; i < told.size(); ++i) {
        servers.push_back("10.0.0." + std::to_string(53 + i));
    }
    return app::make_report(std::move(question), std::move(servers), std::move(told), {});
}

TEST(app_resolve_report, a_clean_answer_is_shown_whole_and_accepted) {
    const auto report =
        report_of(node_question(), {says(found({"10.1.0.1", "10.1.0.2"}, {"gw.db.internal"}))});
    EXPECT_EQ(to_text(report), "crdb.db.internal, port 26257\n"
                               "10.0.0.53\n"
                               "    A crdb.db.internal: found, ttl 30s, AD not set\n"
                               "        alias gw.db.internal\n"
                               "        10.1.0.1\n"
                               "        10.1.0.2\n"
                               "    AAAA crdb.db.internal: no data, ttl 0s, AD not set\n"
                               "    accepted\n"
                               "usable: 10.1.0.1:26257, 10.1.0.2:26257\n");
    EXPECT_EQ(exit_code_of(report), app::ok);
}

TEST(app_resolve_report, a_refusal_has_its_reason_its_finding_and_its_sentence) {
    const auto report =
        report_of(node_question(), {says(found({"10.1.0.1"})), says(found({"10.2.0.1"}))});
    const auto text = to_text(report);
    EXPECT_THAT(text, HasSubstr("10.0.0.54\n    A crdb.db.internal: found"));
    EXPECT_THAT(text, HasSubstr("    refused: not_allowed (DNS-ADDRESS-UNEXPECTED): 10.2.0.1"));
    EXPECT_THAT(text, HasSubstr("usable: 10.1.0.1:26257\n"));
    EXPECT_EQ(exit_code_of(report), app::failed);
}

TEST(app_resolve_report, denials_and_failures_are_told_apart) {
    const dns::extended_error why{18, "prohibited"};
    const auto report =
        report_of(node_question(),
                  {says(denied(dns::answer_status::nx_domain, 3)),
                   says(denied(dns::answer_status::failed, 5, why)), says(silence(), silence())});
    const auto text = to_text(report);
    EXPECT_THAT(text, HasSubstr("    A crdb.db.internal: NXDOMAIN, ttl 0s"));
    EXPECT_THAT(text, HasSubstr("    no addresses: nxdomain (DNS-NXDOMAIN): "));
    EXPECT_THAT(text, HasSubstr("    A crdb.db.internal: REFUSED, ttl 0s, AD not set\n"
                                "        extended error 18: prohibited\n"));
    EXPECT_THAT(text, HasSubstr("    no addresses: servfail (DNS-SERVFAIL): "));
    EXPECT_THAT(text, HasSubstr("    A crdb.db.internal: no answer: no answer within"));
    EXPECT_THAT(text, HasSubstr("    no addresses: unreachable (DNS-RESOLVER-UNREACHABLE): "));
    EXPECT_THAT(text, HasSubstr("usable: none\n"));
    EXPECT_EQ(exit_code_of(report), app::failed);
}

TEST(app_resolve_report, a_dangling_alias_is_refused) {
    auto told = denied(dns::answer_status::nx_domain, 3);
    told->answer.chain = answers::names({"gone.db.internal"});
    const auto report = report_of(node_question(), {says(told, told)});
    EXPECT_THAT(to_text(report), HasSubstr("    refused: dangling_alias (DNS-DANGLING-CNAME): "));
    EXPECT_EQ(exit_code_of(report), app::failed);
}

TEST(app_resolve_report, servers_out_of_reach_are_another_end_than_servers_that_deny) {
    const auto nobody = says(silence(), silence());
    EXPECT_EQ(exit_code_of(report_of(node_question(), {nobody, nobody})), app::could_not_finish);
    EXPECT_EQ(exit_code_of(report_of(node_question(), {nobody, says(found({"10.1.0.1"}))})),
              app::failed);
}

TEST(app_resolve_report, servers_that_disagree_are_named) {
    const auto report =
        report_of(node_question(), {says(found({"10.1.0.1"})), says(found({"10.1.0.1"})),
                                    says(found({"10.1.0.9"}))});
    EXPECT_THAT(to_text(report),
                HasSubstr("disagreeing: 10.0.0.55 (DNS-RESOLVER-DISAGREE): the servers differ"));
    EXPECT_EQ(exit_code_of(report), app::failed);
}

TEST(app_resolve_report, what_is_allowed_and_not_locked_is_a_notice) {
    auto question = node_question();
    question.rules->answers.lock = policy::locked_host{{}, answers::addresses({"10.1.0.1"})};
    const auto report = report_of(question, {says(found({"10.1.0.1", "10.1.0.2"}))});
    EXPECT_THAT(to_text(report),
                HasSubstr("not in roachpin.lock (DNS-LOCK-DRIFT): 10.1.0.2:26257\n"));
    EXPECT_EQ(exit_code_of(report), app::ok);
}

TEST(app_resolve_report, signatures_are_said) {
    auto told = found({"10.1.0.1"});
    told->proof = policy::authenticity::secure;
    EXPECT_THAT(to_text(report_of(node_question(), {says(told)})), HasSubstr("ttl 30s, secure\n"));
    told->proof = policy::authenticity::insecure;
    EXPECT_THAT(to_text(report_of(node_question(), {says(told)})),
                HasSubstr("ttl 30s, insecure\n"));
    told->proof = policy::authenticity::bogus;
    told->why_bogus = "expired\x1b[2J";
    const auto bogus = report_of(node_question(), {says(told)});
    EXPECT_THAT(to_text(bogus), HasSubstr("ttl 30s, bogus (expired\\x1b[2J)\n"));
    EXPECT_THAT(to_text(bogus), HasSubstr("    refused: dnssec_bogus (DNS-BOGUS): "));
    told->proof = policy::authenticity::unknown;
    told->answer.authenticated = true;
    EXPECT_THAT(to_text(report_of(node_question(), {says(told)})), HasSubstr("ttl 30s, AD set\n"));
}

TEST(app_resolve_report, a_name_of_no_node_is_shown_and_not_judged) {
    const name_question stranger{.name = name("example.org"),
                                 .no_policy = "not a node of this configuration"};
    const auto report = report_of(stranger, {says(found({"127.0.0.1"}, {"elsewhere.net"}))});
    const auto text = to_text(report);
    EXPECT_TRUE(text.starts_with("example.org\n10.0.0.53\n")) << text;
    EXPECT_TRUE(text.ends_with("\nno policy: not a node of this configuration\n")) << text;
    EXPECT_THAT(text, Not(HasSubstr("accepted")));
    EXPECT_THAT(text, Not(HasSubstr("refused")));
    EXPECT_EQ(exit_code_of(report), app::ok);
}

TEST(app_resolve_report, a_name_of_no_node_that_is_denied_or_bogus_is_not_clean) {
    const name_question stranger{.name = name("example.org")};
    EXPECT_EQ(exit_code_of(report_of(stranger, {says(denied(dns::answer_status::nx_domain, 3))})),
              app::failed);
    EXPECT_EQ(exit_code_of(report_of(stranger, {says(silence(), silence())})),
              app::could_not_finish);
    auto told = found({"10.1.0.1"});
    told->proof = policy::authenticity::bogus;
    const auto bogus = report_of(stranger, {says(told)});
    EXPECT_THAT(to_text(bogus), HasSubstr("DNS-BOGUS"));
    EXPECT_EQ(exit_code_of(bogus), app::failed);
}

TEST(app_resolve_report, services_are_shown_with_the_addresses_of_their_targets) {
    auto question = node_question();
    question.srv = name("_sql._tcp.db.internal");
    dns::answer record{.status = dns::answer_status::found,
                       .services = {{name("a.db.internal"), 26258, 1, 10}},
                       .ttl = 5};
    auto told = says(found({"10.1.0.1"}));
    told.record = net::validated{record, policy::authenticity::unknown, {}};
    const auto report = report_of(question, {told});
    EXPECT_EQ(to_text(report), "crdb.db.internal\n"
                               "10.0.0.53\n"
                               "    SRV _sql._tcp.db.internal: found, ttl 5s, AD not set\n"
                               "        a.db.internal port 26258 priority 1 weight 10\n"
                               "    A a.db.internal: found, ttl 30s, AD not set\n"
                               "        10.1.0.1\n"
                               "    AAAA a.db.internal: no data, ttl 0s, AD not set\n"
                               "    accepted\n"
                               "usable: 10.1.0.1:26258\n");
    EXPECT_EQ(exit_code_of(report), app::ok);
}

} // namespace
} // namespace roachpin
