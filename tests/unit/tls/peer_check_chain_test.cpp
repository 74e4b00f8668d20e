#include "unit/tls/scenario.hpp"

#include <gtest/gtest.h>

/// Chains that prove nothing, each right but for one thing.
namespace roachpin {
namespace {

using namespace std::chrono_literals;
using test::certificate_request;
using test::draft;
using test::extended_key_usage;
using test::intermediate_request;
using test::key_type;
using test::node_request;
using test::scenario_row;
using test::signature_digest;
using test::whose;

void expire(certificate_request& request) {
    request.not_before = -48h;
    request.not_after = -1min;
}

constexpr scenario_row untrusted[] = {
    {"another_ca", [](draft& d) { d.signer = whose::stranger; },
     "untrusted_chain: a chain to CN=Cockroach CA,O=Cockroach (ca_file) / "},
    {"another_ca_of_the_same_name",
     [](draft& d) {
         d.signer = whose::stranger;
         d.stranger = d.root;
     },
     "untrusted_chain: "},
    {"another_ca_that_presents_its_root",
     [](draft& d) {
         d.signer = whose::stranger;
         d.presented = {whose::stranger};
     },
     "untrusted_chain: a chain to CN=Cockroach CA,O=Cockroach (ca_file) / self-signed certificate "
     "in certificate chain: CN=Another CA,O=Cockroach, issued by CN=Another CA,O=Cockroach, "
     "valid "},
    {"another_ca_that_presents_ours",
     [](draft& d) {
         d.signer = whose::stranger;
         d.presented = {whose::root};
     },
     "untrusted_chain: "},
    {"a_self_signed_leaf", [](draft& d) { d.signer = whose::leaf; }, "untrusted_chain: "},
    {"a_self_signed_leaf_of_the_ca_s_name",
     [](draft& d) {
         d.signer = whose::leaf;
         d.leaf.common_name = d.root.common_name;
         d.presented = {whose::root};
     },
     "untrusted_chain: "},
    {"an_intermediate_that_is_not_presented",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.intermediate_sent = false;
     },
     "untrusted_chain: "},
    {"an_intermediate_whose_root_ca_file_lacks",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.ca_file = {whose::stranger, whose::intermediate};
     },
     "untrusted_chain: a chain to CN=Another CA,O=Cockroach or CN=Intermediate CA,O=Cockroach "},
    {"an_intermediate_whose_root_is_merely_presented",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.presented = {whose::root};
         d.ca_file = {whose::stranger, whose::intermediate};
     },
     "untrusted_chain: "},
    {"a_leaf_that_signed_another",
     [](draft& d) {
         d.intermediate = node_request();
         d.intermediate->key_usage = ""; // its basicConstraints alone say that it may not
     },
     "untrusted_chain: "},
    {"a_leaf_that_signed_another_against_its_key_usage",
     [](draft& d) { d.intermediate = node_request(); }, "untrusted_chain: "},
    {"an_intermediate_without_basic_constraints",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.intermediate->basic_constraints = false;
         d.intermediate->key_usage = "";
     },
     "untrusted_chain: "},
    {"a_chain_longer_than_its_ca_allows",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.root.path_length = 0;
     },
     "untrusted_chain: a chain to CN=Cockroach CA,O=Cockroach (ca_file) / path length"},
    {"a_root_that_is_no_ca", [](draft& d) { d.root.is_ca = false; }, "untrusted_chain: "},
};

constexpr scenario_row weak_or_out_of_date[] = {
    {"a_leaf_key_of_1024_bits", [](draft& d) { d.leaf.key = key_type::rsa_1024; },
     "weak: keys and digests of OpenSSL security level 2 / "},
    {"a_root_key_of_1024_bits", [](draft& d) { d.root.key = key_type::rsa_1024; }, "weak: "},
    {"an_intermediate_key_of_1024_bits",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.intermediate->key = key_type::rsa_1024;
     },
     "weak: "},
    {"a_leaf_signed_with_sha1", [](draft& d) { d.leaf.digest = signature_digest::sha1; }, "weak: "},
    {"an_intermediate_signed_with_sha1",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.intermediate->digest = signature_digest::sha1;
     },
     "weak: "},
    {"an_expired_leaf", [](draft& d) { expire(d.leaf); },
     "expired: certificates that are valid now / certificate has expired: CN=node,O=Cockroach, "
     "issued by CN=Cockroach CA,O=Cockroach, valid "},
    {"an_expired_root", [](draft& d) { expire(d.root); },
     "expired: certificates that are valid now / certificate has expired: CN=Cockroach CA,"},
    {"an_expired_intermediate",
     [](draft& d) {
         d.intermediate = intermediate_request();
         expire(*d.intermediate);
     },
     "expired: certificates that are valid now / certificate has expired: CN=Intermediate CA,"},
    {"a_leaf_that_is_not_valid_yet", [](draft& d) { d.leaf.not_before = 1h; },
     "not_yet_valid: certificates that are valid now / certificate is not yet valid: CN=node,"},
    {"a_root_that_is_not_valid_yet", [](draft& d) { d.root.not_before = 1h; }, "not_yet_valid: "},
};

constexpr scenario_row of_another_purpose[] = {
    {"clientauth_alone", [](draft& d) { d.leaf.eku = extended_key_usage::client; },
     "wrong_purpose: a certificate for serverAuth / "},
    {"no_extended_key_usage", [](draft& d) { d.leaf.eku = extended_key_usage::none; },
     "wrong_purpose: extendedKeyUsage serverAuth / CN=node,O=Cockroach without it"},
    {"any_extended_key_usage", [](draft& d) { d.leaf.eku = extended_key_usage::any; },
     "wrong_purpose: "},
    {"an_intermediate_for_clientauth",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.intermediate->eku = extended_key_usage::client;
     },
     "wrong_purpose: "},
    {"a_leaf_that_is_a_ca", [](draft& d) { d.leaf.is_ca = true; },
     "leaf_is_ca: a certificate that is no authority / CN=node,O=Cockroach, which may sign "
     "certificates"},
    {"a_leaf_that_may_sign_by_its_key_usage",
     [](draft& d) {
         d.leaf.basic_constraints = false;
         d.leaf.key_usage = "critical,digitalSignature,keyCertSign";
     },
     "leaf_is_ca: "},
    {"a_leaf_that_is_a_ca_whatever_its_key_usage",
     [](draft& d) {
         d.leaf.is_ca = true;
         d.leaf.key_usage = "critical,digitalSignature";
     },
     "leaf_is_ca: "},
    {"the_root_itself",
     [](draft& d) {
         d.signer = whose::leaf;
         d.leaf.is_ca = true;
         d.ca_file = {whose::leaf};
     },
     "leaf_is_ca: "},
};

class tls_peer_check_chain : public testing::TestWithParam<scenario_row> {};

TEST_P(tls_peer_check_chain, is_refused_for_its_own_reason) {
    test::expect_verdict(GetParam());
}

INSTANTIATE_TEST_SUITE_P(untrusted, tls_peer_check_chain, testing::ValuesIn(untrusted),
                         test::name_of_row);
INSTANTIATE_TEST_SUITE_P(weak_or_out_of_date, tls_peer_check_chain,
                         testing::ValuesIn(weak_or_out_of_date), test::name_of_row);
INSTANTIATE_TEST_SUITE_P(of_another_purpose, tls_peer_check_chain,
                         testing::ValuesIn(of_another_purpose), test::name_of_row);

} // namespace
} // namespace roachpin
