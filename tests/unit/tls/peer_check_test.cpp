#include "tls/peer_check.hpp"
#include "unit/tls/pem.hpp"
#include "unit/tls/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// The chains a node may prove itself with, and what no word of a draft can say.
namespace roachpin {
namespace {

using namespace std::chrono_literals;
using test::draft;
using test::extended_key_usage;
using test::intermediate_request;
using test::judge;
using test::key_type;
using test::made;
using test::scenario;
using test::scenario_row;
using test::signature_digest;
using test::verdict_of;
using test::whose;
using tls::peer_fault;

constexpr scenario_row proofs[] = {
    {"a_node_of_cockroach_cert",
     [](draft&) {
     }},
    {"serverauth_alone",
     [](draft& d) {
         d.leaf.eku = extended_key_usage::server;
     }},
    {"an_rsa_key",
     [](draft& d) {
         d.leaf.key = key_type::rsa_2048;
     }},
    {"a_root_with_an_rsa_key",
     [](draft& d) {
         d.root.key = key_type::rsa_2048;
     }},
    {"no_basic_constraints",
     [](draft& d) {
         d.leaf.basic_constraints = false;
     }},
    {"no_key_usage",
     [](draft& d) {
         d.leaf.key_usage = "";
     }},
    {"basic_constraints_that_are_not_critical",
     [](draft& d) {
         d.root.basic_constraints_critical = d.leaf.basic_constraints_critical = false;
     }},
    {"a_root_signed_with_sha1",
     [](draft& d) {
         d.root.digest = signature_digest::sha1;
     }},
    {"an_empty_subject",
     [](draft& d) {
         d.leaf.common_name = d.leaf.organization = "";
     }},
    {"an_intermediate",
     [](draft& d) {
         d.intermediate = intermediate_request();
     }},
    {"an_intermediate_that_ca_file_holds_beside_its_root",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.intermediate_sent = false;
         d.ca_file = {whose::root, whose::intermediate};
     }},
    {"a_root_that_is_presented_too",
     [](draft& d) {
         d.presented = {whose::root};
     }},
    {"the_last_ca_of_a_bundle",
     [](draft& d) {
         d.ca_file = {whose::stranger, whose::root};
     }},
    {"the_first_ca_of_a_bundle",
     [](draft& d) {
         d.ca_file = {whose::root, whose::stranger};
     }},
    {"the_old_and_the_new_ca_of_one_name",
     [](draft& d) {
         d.stranger.common_name = d.root.common_name;
         d.ca_file = {whose::stranger, whose::root};
     }},
    {"a_pinned_leaf",
     [](draft& d) {
         d.pins = {whose::leaf};
     }},
    {"a_pinned_ca",
     [](draft& d) {
         d.pins = {whose::root};
     }},
    {"a_pinned_intermediate",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.pins = {whose::intermediate};
     }},
    {"the_last_of_several_pins",
     [](draft& d) {
         d.pins = {whose::stranger, whose::leaf};
     }},
    {"a_pin_of_the_node_alone",
     [](draft& d) {
         d.node_pins = {whose::leaf};
     }},
    {"a_pin_of_the_cluster_and_one_of_the_node",
     [](draft& d) {
         d.pins = {whose::root};
         d.node_pins = {whose::leaf};
     }},
    {"an_issuer_that_the_lock_knows",
     [](draft& d) {
         d.issuer_pins = {whose::stranger, whose::root};
     }},
    {"an_intermediate_that_the_lock_knows",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.issuer_pins = {whose::intermediate};
     }},
    {"a_revoked_key_that_is_another_s",
     [](draft& d) {
         d.revoked = {whose::stranger};
     }},
    {"a_crl_that_lists_nobody",
     [](draft& d) {
         d.crls = {{whose::root}};
     }},
    {"a_crl_that_lists_another",
     [](draft& d) {
         d.crls = {{whose::root, {whose::intermediate}}};
     }},
    {"crls_of_root_and_intermediate",
     [](draft& d) {
         d.intermediate = intermediate_request();
         d.crls = {{whose::root}, {whose::intermediate}};
     }},
    {"an_expired_crl_beside_its_successor",
     [](draft& d) {
         d.crls = {{whose::root, {}, -48h, -24h}, {whose::root}};
     }},
};

class tls_peer_check_proofs : public testing::TestWithParam<scenario_row> {};

TEST_P(tls_peer_check_proofs, is_verified) {
    test::expect_verdict(GetParam());
}

INSTANTIATE_TEST_SUITE_P(, tls_peer_check_proofs, testing::ValuesIn(proofs), test::name_of_row);

/// A node of a root whose key the test holds, its certificate changed beyond the factory's words.
template <class Change>
scenario changed(Change change) {
    const auto root = test::self_signed(test::authority_request("Cockroach CA"));
    const auto leaf = test::self_signed(test::node_request());
    return {.ca_file = root.certificate_pem, .node = test::reissued(root, leaf, change)};
}

TEST(tls_peer_check, a_certificate_that_was_signed_again_is_right_by_itself) {
    EXPECT_EQ(verdict_of(judge(changed([](X509&) {}))), "verified");
}

TEST(tls_peer_check, an_unknown_critical_extension_is_refused) {
    const auto setting = changed([](X509& certificate) {
        const std::unique_ptr<ASN1_OBJECT, tls::deleter<ASN1_OBJECT_free>> id(
            OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1));
        const std::unique_ptr<ASN1_OCTET_STRING, tls::deleter<ASN1_OCTET_STRING_free>> value(
            ASN1_OCTET_STRING_new());
        ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>("\5\0"), 2);
        const tls::x509_extension_ptr extension(
            X509_EXTENSION_create_by_OBJ(nullptr, id.get(), 1, value.get()));
        X509_add_ext(&certificate, extension.get(), -1);
    });
    EXPECT_THAT(verdict_of(judge(setting)),
                testing::MatchesRegex("verification_failed: .+ / unhandled critical extension.*"));
}

/// Nothing that is thrown while a chain is judged crosses OpenSSL, and nothing of it passes.
TEST(tls_peer_check, a_date_that_cannot_be_read_is_refused) {
    const auto setting = changed([](X509& certificate) {
        ASN1_STRING_set(X509_getm_notAfter(&certificate), "tomorrow", 8);
    });
    EXPECT_THAT(verdict_of(judge(setting)),
                testing::StartsWith("verification_failed: a chain that can be judged / "));
}

TEST(tls_peer_check, a_forged_signature_is_refused) {
    auto setting = made({});
    const auto forged = test::certificate_of(setting.node.certificate_pem);
    const ASN1_BIT_STRING* signature = nullptr;
    X509_get0_signature(&signature, nullptr, forged.get());
    const_cast<unsigned char*>(
        ASN1_STRING_get0_data(signature))[ASN1_STRING_length(signature) - 1] ^= 1;
    setting.node.certificate_pem = test::pem_of(*forged);
    EXPECT_THAT(verdict_of(judge(setting)), testing::StartsWith("untrusted_chain: "));
}

TEST(tls_peer_check, faults_have_the_labels_of_logs_and_metrics) {
    constexpr std::pair<peer_fault, const char*> labels[] = {
        {peer_fault::not_tls, "not_tls"},
        {peer_fault::tls_version, "tls_version"},
        {peer_fault::tls_alert, "tls_alert"},
        {peer_fault::untrusted_chain, "untrusted_chain"},
        {peer_fault::weak, "weak"},
        {peer_fault::expired, "expired"},
        {peer_fault::not_yet_valid, "not_yet_valid"},
        {peer_fault::wrong_purpose, "wrong_purpose"},
        {peer_fault::leaf_is_ca, "leaf_is_ca"},
        {peer_fault::wrong_name, "wrong_name"},
        {peer_fault::revoked, "revoked"},
        {peer_fault::crl_unusable, "crl_unusable"},
        {peer_fault::pin_mismatch, "pin_mismatch"},
        {peer_fault::pin_revoked, "pin_revoked"},
        {peer_fault::verification_failed, "verification_failed"},
    };
    for (const auto& [fault, label] : labels) {
        EXPECT_EQ(to_string(fault), label);
    }
}

} // namespace
} // namespace roachpin
