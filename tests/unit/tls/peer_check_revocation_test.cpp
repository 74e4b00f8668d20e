#include "unit/tls/scenario.hpp"

#include <gtest/gtest.h>

/// Revocation lists and pins: chains that hold and are refused all the same.
namespace roachpin {
namespace {

using namespace std::chrono_literals;
using test::draft;
using test::intermediate_request;
using test::judge;
using test::scenario_row;
using test::verdict_of;
using test::whose;

constexpr scenario_row revoked[] = {
    {"a_leaf",
     [](draft& d) {
         d.crls = {{whose::root, {whose::leaf}}};
     },
     "revoked: a certificate that crl_file does not revoke / certificate revoked: CN=node,"},
    {"a_leaf_among_others",
     [](draft& d) {
         d.crls = {{whose::root, {whose::intermediate, whose::leaf}}};
     },
     "revoked: "},
    {"an_intermediate",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.crls = {{whose::root, {whose::intermediate}}, {whose::intermediate}};
     },
     "revoked: a certificate that crl_file does not revoke / certificate revoked: "
     "CN=Intermediate CA,"},
    {"by_nobody_the_crl_has_expired",
     [](draft& d) {
         d.crls = {{whose::root, {}, -48h, -1min}};
     },
     "crl_unusable: a valid CRL in crl_file for every issuer of the chain / "},
    {"by_nobody_the_crl_is_not_valid_yet",
     [](draft& d) {
         d.crls = {{whose::root, {}, 1h, 24h}};
     },
     "crl_unusable: "},
    {"by_nobody_the_crl_is_foreign", [](draft& d) { d.crls = {{whose::stranger}}; },
     "crl_unusable: "},
    {"by_nobody_the_crl_is_of_a_namesake",
     [](draft& d) {
         d.stranger = d.root;
         d.crls = {{whose::stranger}};
     },
     "crl_unusable: "},
    {"by_nobody_the_intermediate_s_crl_is_missing",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.crls = {{whose::root}};
     },
     "crl_unusable: "},
    {"by_nobody_the_root_s_crl_is_missing",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.crls = {{whose::intermediate}};
     },
     "crl_unusable: "},
    {"by_nobody_the_ca_may_sign_no_crl",
     [](draft& d) {
         d.root.key_usage = "critical,keyCertSign";
         d.crls = {{whose::root}};
     },
     "crl_unusable: "},
};

constexpr scenario_row unpinned[] = {
    {"another_key", [](draft& d) { d.pins = {whose::stranger}; }, "pin_mismatch: a key of "},
    {"another_key_for_the_node", [](draft& d) { d.node_pins = {whose::stranger}; },
     "pin_mismatch: "},
    {"the_cluster_s_pin_is_met_alone",
     [](draft& d) {
         d.pins = {whose::root};
         d.node_pins = {whose::stranger};
     },
     "pin_mismatch: "},
    {"the_node_s_pin_is_met_alone",
     [](draft& d) {
         d.pins = {whose::stranger};
         d.node_pins = {whose::leaf};
     },
     "pin_mismatch: "},
    {"an_issuer_that_the_lock_does_not_know", [](draft& d) { d.issuer_pins = {whose::stranger}; },
     "issuer_changed: an issuer with a key of "},
    {"another_intermediate_under_the_same_root",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.issuer_pins = {whose::root};
     },
     "issuer_changed: "},
    {"the_leaf_is_no_issuer_of_its_own", [](draft& d) { d.issuer_pins = {whose::leaf}; },
     "issuer_changed: "},
    {"a_known_issuer_beside_the_chain",
     [](draft& d) {
         d.presented = {whose::stranger};
         d.issuer_pins = {whose::stranger};
     },
     "issuer_changed: "},
    {"a_pinned_certificate_beside_the_chain",
     [](draft& d) {
         d.presented = {whose::stranger};
         d.pins = {whose::stranger};
     },
     "pin_mismatch: "},
    {"a_pin_does_not_stand_in_for_the_chain",
     [](draft& d) {
         d.signer = whose::leaf;
         d.pins = {whose::leaf};
     },
     "untrusted_chain: "},
    {"a_pin_does_not_stand_in_for_the_name",
     [](draft& d) {
         d.leaf.dns_sans = {"other.crdb.internal"};
         d.pins = {whose::leaf};
     },
     "wrong_name: "},
    {"a_revoked_leaf_key",
     [](draft& d) {
         d.revoked = {whose::stranger, whose::leaf};
     },
     "pin_revoked: no key of "},
    {"a_revoked_ca_key_above_a_pinned_leaf",
     [](draft& d) {
         d.pins = {whose::leaf};
         d.revoked = {whose::root};
     },
     "pin_revoked: "},
    {"a_revoked_intermediate_key",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.revoked = {whose::intermediate};
     },
     "pin_revoked: "},
};

class tls_peer_check_revocation : public testing::TestWithParam<scenario_row> {};

TEST_P(tls_peer_check_revocation, is_refused_for_its_own_reason) {
    test::expect_verdict(GetParam());
}

INSTANTIATE_TEST_SUITE_P(revoked, tls_peer_check_revocation, testing::ValuesIn(revoked),
                         test::name_of_row);
INSTANTIATE_TEST_SUITE_P(unpinned, tls_peer_check_revocation, testing::ValuesIn(unpinned),
                         test::name_of_row);

TEST(tls_peer_check_pins, a_pin_mismatch_says_which_keys_came_and_which_were_due) {
    const auto pin_of = test::spki_sha256_base64;
    auto setting = test::made({});
    const auto keys = pin_of(setting.node.certificate_pem) + ", " + pin_of(setting.ca_file);
    const auto one = pin_of(test::self_signed({}).certificate_pem);
    const auto two = pin_of(test::self_signed({}).certificate_pem);
    setting.pins = {one, two};
    EXPECT_EQ(verdict_of(judge(setting)),
              "pin_mismatch: a key of " + one + ", " + two + " / " + keys);
    setting.pins.clear();
    setting.revoked = {one, pin_of(setting.ca_file)};
    EXPECT_EQ(verdict_of(judge(setting)),
              "pin_revoked: no key of " + one + ", " + pin_of(setting.ca_file) + " / " + keys);
}

} // namespace
} // namespace roachpin
