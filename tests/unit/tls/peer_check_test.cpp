#include "tls/peer_check.hpp"

#include "unit/tls/node_scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

/// What a node must prove, each rule broken by a certificate that is right but for that.
namespace roachpin {
namespace {

using namespace std::chrono_literals;
using test::authority_request;
using test::ca;
using test::certificate_authority;
using test::certificate_request;
using test::extended_key_usage;
using test::good_node;
using test::judge;
using test::node_request;
using test::node_with;
using test::scenario;
using test::spki_sha256_base64;
using tls::peer_fault;

constexpr auto host = "crdb-0.crdb.internal";

/// An authority below `ca()`, with a path to a leaf and no further.
certificate_request intermediate_request() {
    auto request = authority_request("Intermediate CA");
    request.path_length = 0;
    return request;
}

const certificate_authority& intermediate() {
    static const auto made = certificate_authority::intermediate(ca(), intermediate_request());
    return made;
}

/// A node whose leaf an intermediate signed that differs in what `change` does.
template <class Change>
scenario node_below(Change change) {
    auto request = intermediate_request();
    change(request);
    return {.node = certificate_authority::intermediate(ca(), request).issue(node_request())};
}

/// A node below a root that differs in what `change` does, and is what ca_file holds.
template <class Change>
scenario node_of_root(Change change) {
    auto request = authority_request("Root CA");
    change(request);
    const auto root = certificate_authority::root(request);
    return {.node = root.issue(node_request()), .ca_file = root.certificate_pem()};
}

/// A node of a root whose key the test holds, its certificate changed beyond the factory's words.
template <class Change>
scenario node_changed(Change change) {
    const auto root = test::self_signed(authority_request("Root CA"));
    const auto leaf = test::self_signed(node_request());
    return {.node = test::reissued(root, leaf, change), .ca_file = root.certificate_pem};
}

scenario node_named(const std::vector<std::string>& dns_sans, std::string asked_for = host) {
    return node_with([&](auto& request) { request.dns_sans = dns_sans; }, std::move(asked_for));
}

scenario node_at(const std::vector<std::string>& ip_sans, std::string asked_for) {
    return node_with([&](auto& request) { request.ip_sans = ip_sans; }, std::move(asked_for));
}

scenario with_crl(scenario setting, std::string crl_file) {
    setting.crl_file = std::move(crl_file);
    return setting;
}

/// A key that is nobody's here.
std::string strangers_pin() {
    return spki_sha256_base64(test::self_signed(node_request()).certificate_pem);
}

std::string pin_of_leaf(const scenario& setting) {
    return spki_sha256_base64(setting.node.certificate_pem);
}

std::string pin_of_ca() {
    return spki_sha256_base64(ca().certificate_pem());
}

void add_unknown_critical_extension(X509& certificate) {
    const std::unique_ptr<ASN1_OBJECT, tls::deleter<ASN1_OBJECT_free>> id(
        OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1));
    const std::unique_ptr<ASN1_OCTET_STRING, tls::deleter<ASN1_OCTET_STRING_free>> value(
        ASN1_OCTET_STRING_new());
    ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>("\5\0"), 2);
    const tls::x509_extension_ptr extension(
        X509_EXTENSION_create_by_OBJ(nullptr, id.get(), 1, value.get()));
    X509_add_ext(&certificate, extension.get(), -1);
}

void make_date_unreadable(X509& certificate) {
    ASN1_STRING_set(X509_getm_notAfter(&certificate), "tomorrow", 8);
}

/// The certificate's last octet, which is its signature's, changed.
std::string with_a_forged_signature(const std::string& pem) {
    const auto certificate = test::certificate_of(pem);
    const ASN1_BIT_STRING* signature = nullptr;
    X509_get0_signature(&signature, nullptr, certificate.get());
    auto* octets = const_cast<unsigned char*>(ASN1_STRING_get0_data(signature));
    octets[ASN1_STRING_length(signature) - 1] ^= 1;
    return test::pem_of(*certificate);
}

struct row {
    const char* name;
    scenario (*make)();
};

struct refusal_row {
    const char* name;
    scenario (*make)();
    peer_fault fault;
    std::string verdict{}; ///< some of what is said, where the words are ours
};

void PrintTo(const row& one, std::ostream* out) {
    *out << one.name;
}

void PrintTo(const refusal_row& one, std::ostream* out) {
    *out << one.name;
}

constexpr auto name_of_row = [](const auto& info) { return std::string(info.param.name); };

const std::vector<row> proofs{
    {"the_exact_name", [] { return good_node(); }},
    {"the_name_in_other_case",
     [] { return node_named({"CRDB-0.Crdb.INTERNAL"}, "crdb-0.CRDB.internal"); }},
    {"one_of_several_names", [] { return node_named({"localhost", "other.internal", host}); }},
    {"a_wildcard_as_the_whole_leftmost_label", [] { return node_named({"*.crdb.internal"}); }},
    {"a_wildcard_over_an_internationalised_label",
     [] { return node_named({"*.crdb.internal"}, "xn--bcher-kva.crdb.internal"); }},
    {"a_name_with_an_underscore",
     [] { return node_named({"crdb_0.crdb.internal"}, "crdb_0.crdb.internal"); }},
    {"an_ipv4_address", [] { return node_at({"10.1.2.3"}, "10.1.2.3"); }},
    {"an_ipv4_address_asked_for_as_mapped",
     [] { return node_at({"10.1.2.3"}, "::ffff:10.1.2.3"); }},
    {"an_ipv6_address", [] { return node_at({"fd00:1::2"}, "fd00:1::2"); }},
    {"an_ipv6_address_spelt_otherwise",
     [] { return node_at({"fd00:1:0:0:0:0:0:2"}, "FD00:1::0:2"); }},
    {"one_of_several_addresses", [] { return node_at({"127.0.0.1", "fd00::1", "10.1.2.3"},
                                                     "10.1.2.3"); }},
    {"serverauth_alone",
     [] { return node_with([](auto& request) { request.eku = extended_key_usage::server; }); }},
    {"an_rsa_key",
     [] { return node_with([](auto& request) { request.key = test::key_type::rsa_2048; }); }},
    {"no_basic_constraints",
     [] { return node_with([](auto& request) { request.basic_constraints = false; }); }},
    {"basic_constraints_that_are_not_critical",
     [] {
         return node_with([](auto& request) { request.basic_constraints_critical = false; });
     }},
    {"a_ca_whose_basic_constraints_are_not_critical",
     [] {
         return node_of_root([](auto& request) { request.basic_constraints_critical = false; });
     }},
    {"no_key_usage", [] { return node_with([](auto& request) { request.key_usage = ""; }); }},
    {"an_empty_subject",
     [] {
         return node_with([](auto& request) {
             request.common_name.clear();
             request.organization.clear();
         });
     }},
    {"an_intermediate", [] { return node_below([](auto&) {}); }},
    {"a_root_that_is_presented_too",
     [] {
         auto setting = good_node();
         setting.node.chain_pem = ca().certificate_pem();
         return setting;
     }},
    {"the_new_ca_of_a_bundle",
     [] {
         auto setting = good_node();
         setting.ca_file = certificate_authority("Cockroach CA").certificate_pem() + setting.ca_file;
         return setting;
     }},
    {"the_old_ca_of_a_bundle",
     [] {
         auto setting = good_node();
         setting.ca_file += certificate_authority("Cockroach CA").certificate_pem();
         return setting;
     }},
    {"an_intermediate_that_ca_file_holds_beside_its_root",
     [] {
         auto setting = node_below([](auto&) {});
         setting.ca_file += setting.node.chain_pem;
         setting.node.chain_pem.clear();
         return setting;
     }},
    {"a_pinned_leaf",
     [] {
         auto setting = good_node();
         setting.pins = {pin_of_leaf(setting)};
         return setting;
     }},
    {"a_pinned_ca",
     [] {
         auto setting = good_node();
         setting.pins = {pin_of_ca()};
         return setting;
     }},
    {"a_pinned_intermediate",
     [] {
         auto setting = node_below([](auto&) {});
         setting.pins = {spki_sha256_base64(setting.node.chain_pem)};
         return setting;
     }},
    {"the_last_of_several_pins",
     [] {
         auto setting = good_node();
         setting.pins = {strangers_pin(), strangers_pin(), pin_of_leaf(setting)};
         return setting;
     }},
    {"a_pin_of_the_node_alone",
     [] {
         auto setting = good_node();
         setting.node_pins = {pin_of_leaf(setting)};
         return setting;
     }},
    {"a_pin_of_the_cluster_and_one_of_the_node",
     [] {
         auto setting = good_node();
         setting.pins = {pin_of_ca()};
         setting.node_pins = {pin_of_leaf(setting)};
         return setting;
     }},
    {"a_revoked_key_that_is_another_s",
     [] {
         auto setting = good_node();
         setting.revoked = {strangers_pin()};
         return setting;
     }},
    {"a_crl_that_lists_nobody", [] { return with_crl(good_node(), ca().crl({})); }},
    {"a_crl_that_lists_another",
     [] { return with_crl(good_node(), ca().crl({ca().issue(node_request()).serial})); }},
    {"crls_of_root_and_intermediate",
     [] {
         return with_crl({.node = intermediate().issue(node_request())},
                         ca().crl({}) + intermediate().crl({}));
     }},
    {"an_expired_crl_beside_its_successor",
     [] { return with_crl(good_node(), ca().crl({}, -48h, -24h) + ca().crl({})); }},
};

class tls_peer_check_proofs : public testing::TestWithParam<row> {};

TEST_P(tls_peer_check_proofs, is_verified) {
    EXPECT_EQ(verdict_of(judge(GetParam().make())), "verified");
    test::plain_options tls_1_2{.max_version = TLS1_2_VERSION};
    EXPECT_EQ(verdict_of(judge(GetParam().make(), tls_1_2)), "verified");
}

INSTANTIATE_TEST_SUITE_P(, tls_peer_check_proofs, testing::ValuesIn(proofs), name_of_row);

const std::vector<refusal_row> untrusted{
    {"another_ca",
     [] { return scenario{.node = certificate_authority("Another CA").issue(node_request())}; },
     peer_fault::untrusted_chain, "a chain to CN=Cockroach CA,O=Cockroach (ca_file) / "},
    {"another_ca_of_the_same_name",
     [] { return scenario{.node = certificate_authority("Cockroach CA").issue(node_request())}; },
     peer_fault::untrusted_chain},
    {"another_ca_that_presents_its_root",
     [] {
         const certificate_authority another("Another CA");
         auto node = another.issue(node_request());
         node.chain_pem = another.certificate_pem();
         return scenario{.node = node};
     },
     peer_fault::untrusted_chain, "CN=Another CA"},
    {"another_ca_that_presents_ours",
     [] {
         auto node = certificate_authority("Cockroach CA").issue(node_request());
         node.chain_pem = ca().certificate_pem();
         return scenario{.node = node};
     },
     peer_fault::untrusted_chain},
    {"a_self_signed_leaf", [] { return scenario{.node = test::self_signed(node_request())}; },
     peer_fault::untrusted_chain},
    {"a_self_signed_leaf_of_the_ca_s_name",
     [] {
         auto request = node_request();
         request.common_name = "Cockroach CA";
         auto node = test::self_signed(request);
         node.chain_pem = ca().certificate_pem();
         return scenario{.node = node};
     },
     peer_fault::untrusted_chain},
    {"a_forged_signature",
     [] {
         auto setting = good_node();
         setting.node.certificate_pem = with_a_forged_signature(setting.node.certificate_pem);
         return setting;
     },
     peer_fault::untrusted_chain, "signature failure"},
    {"an_intermediate_that_is_not_presented",
     [] {
         auto setting = node_below([](auto&) {});
         setting.node.chain_pem.clear();
         return setting;
     },
     peer_fault::untrusted_chain},
    {"an_intermediate_whose_root_ca_file_lacks",
     [] {
         auto setting = node_below([](auto&) {});
         setting.ca_file = certificate_authority("Other").certificate_pem() + setting.node.chain_pem;
         return setting;
     },
     peer_fault::untrusted_chain, "a chain to CN=Other,O=Cockroach or CN=Intermediate CA"},
    {"an_intermediate_whose_root_is_merely_presented",
     [] {
         auto setting = node_below([](auto&) {});
         setting.ca_file = certificate_authority("Other").certificate_pem() + setting.node.chain_pem;
         setting.node.chain_pem += ca().certificate_pem();
         return setting;
     },
     peer_fault::untrusted_chain},
    {"a_leaf_that_signed_another",
     [] {
         auto signer = node_request();
         signer.key_usage = ""; // nothing but its basicConstraints say that it may not
         const auto leaf = certificate_authority::intermediate(ca(), signer);
         return scenario{.node = leaf.issue(node_request())};
     },
     peer_fault::untrusted_chain},
    {"a_leaf_that_may_not_sign_and_did",
     [] {
         const auto leaf = certificate_authority::intermediate(ca(), node_request());
         return scenario{.node = leaf.issue(node_request())};
     },
     peer_fault::untrusted_chain},
    {"a_ca_without_basic_constraints_below_the_root",
     [] {
         return node_below([](auto& request) {
             request.basic_constraints = false;
             request.key_usage = "";
         });
     },
     peer_fault::untrusted_chain},
    {"a_chain_longer_than_its_ca_allows",
     [] {
         const auto below = certificate_authority::intermediate(intermediate(),
                                                                intermediate_request());
         return scenario{.node = below.issue(node_request())};
     },
     peer_fault::untrusted_chain, "path length"},
    {"a_root_that_is_no_ca", [] { return node_of_root([](auto& request) { request.is_ca = false; }); },
     peer_fault::untrusted_chain},
};

const std::vector<refusal_row> weak_or_out_of_date{
    {"a_leaf_key_of_1024_bits",
     [] { return node_with([](auto& request) { request.key = test::key_type::rsa_1024; }); },
     peer_fault::weak, "keys and digests of OpenSSL security level 2 / "},
    {"a_root_key_of_1024_bits",
     [] { return node_of_root([](auto& request) { request.key = test::key_type::rsa_1024; }); },
     peer_fault::weak},
    {"an_intermediate_key_of_1024_bits",
     [] { return node_below([](auto& request) { request.key = test::key_type::rsa_1024; }); },
     peer_fault::weak},
    {"a_leaf_signed_with_sha1",
     [] {
         return node_with([](auto& request) { request.digest = test::signature_digest::sha1; });
     },
     peer_fault::weak},
    {"an_intermediate_signed_with_sha1",
     [] {
         return node_below([](auto& request) { request.digest = test::signature_digest::sha1; });
     },
     peer_fault::weak},
    {"an_expired_leaf",
     [] {
         return node_with([](auto& request) {
             request.not_before = -48h;
             request.not_after = -1min;
         });
     },
     peer_fault::expired, "certificates that are valid now / certificate has expired: CN=node,"},
    {"an_expired_root",
     [] {
         return node_of_root([](auto& request) {
             request.not_before = -48h;
             request.not_after = -1min;
         });
     },
     peer_fault::expired, "CN=Root CA,O=Cockroach"},
    {"an_expired_intermediate",
     [] {
         return node_below([](auto& request) {
             request.not_before = -48h;
             request.not_after = -1min;
         });
     },
     peer_fault::expired, "CN=Intermediate CA,O=Cockroach"},
    {"a_leaf_that_is_not_valid_yet",
     [] { return node_with([](auto& request) { request.not_before = 1h; }); },
     peer_fault::not_yet_valid, "certificates that are valid now / "},
    {"a_root_that_is_not_valid_yet",
     [] { return node_of_root([](auto& request) { request.not_before = 1h; }); },
     peer_fault::not_yet_valid},
};

const std::vector<refusal_row> of_another_purpose{
    {"clientauth_alone",
     [] { return node_with([](auto& request) { request.eku = extended_key_usage::client; }); },
     peer_fault::wrong_purpose, "serverAuth / "},
    {"no_extended_key_usage",
     [] { return node_with([](auto& request) { request.eku = extended_key_usage::none; }); },
     peer_fault::wrong_purpose, "extendedKeyUsage serverAuth / CN=node,O=Cockroach without it"},
    {"any_extended_key_usage",
     [] { return node_with([](auto& request) { request.eku = extended_key_usage::any; }); },
     peer_fault::wrong_purpose, "extendedKeyUsage serverAuth / "},
    {"an_intermediate_for_clientauth",
     [] { return node_below([](auto& request) { request.eku = extended_key_usage::client; }); },
     peer_fault::wrong_purpose},
    {"a_key_usage_that_is_not_tls_s",
     [] { return node_with([](auto& request) { request.key_usage = "critical,cRLSign"; }); },
     peer_fault::wrong_purpose},
    {"a_leaf_that_is_a_ca", [] { return node_with([](auto& request) { request.is_ca = true; }); },
     peer_fault::leaf_is_ca, "a certificate that is no authority / CN=node,O=Cockroach"},
    {"a_leaf_that_may_sign_by_its_key_usage",
     [] {
         return node_with([](auto& request) {
             request.basic_constraints = false;
             request.key_usage = "critical,digitalSignature,keyCertSign";
         });
     },
     peer_fault::leaf_is_ca},
    {"the_root_itself",
     [] {
         auto request = node_request();
         request.is_ca = true;
         const auto root = test::self_signed(request);
         return scenario{.node = root, .ca_file = root.certificate_pem};
     },
     peer_fault::leaf_is_ca},
};

const std::vector<refusal_row> of_another_name{
    {"another_name", [] { return node_named({"other.crdb.internal"}); }, peer_fault::wrong_name,
     "crdb-0.crdb.internal among the SANs / DNS:other.crdb.internal (CN=node,O=Cockroach; the CN "
     "is not looked at)"},
    {"another_node_of_the_same_ca", [] { return node_named({"crdb-1.crdb.internal"}); },
     peer_fault::wrong_name},
    {"the_parent_domain", [] { return node_named({"crdb.internal"}); }, peer_fault::wrong_name},
    {"a_longer_name", [] { return node_named({"crdb-0.crdb.internal.evil.example"}); },
     peer_fault::wrong_name},
    {"a_name_behind_a_nul",
     [] { return node_named({std::string("crdb-0.crdb.internal\0.evil.example", 34)}); },
     peer_fault::wrong_name, "DNS:crdb-0.crdb.internal\\x00.evil.example"},
    {"a_trailing_dot", [] { return node_named({"crdb-0.crdb.internal."}); },
     peer_fault::wrong_name},
    {"a_leading_dot", [] { return node_named({".crdb.internal"}); }, peer_fault::wrong_name},
    {"an_empty_name", [] { return node_named({""}); }, peer_fault::wrong_name},
    {"the_common_name_alone",
     [] {
         return node_with([](auto& request) {
             request.common_name = host;
             request.dns_sans.clear();
         });
     },
     peer_fault::wrong_name, "none (CN=crdb-0.crdb.internal"},
    {"the_common_name_beside_another_san",
     [] {
         return node_with([](auto& request) {
             request.common_name = host;
             request.dns_sans = {"other.crdb.internal"};
         });
     },
     peer_fault::wrong_name},
    {"the_common_name_beside_an_address",
     [] {
         return node_with([](auto& request) {
             request.common_name = host;
             request.dns_sans.clear();
             request.ip_sans = {"10.1.2.3"};
         });
     },
     peer_fault::wrong_name, "IP:10.1.2.3"},
    {"a_wildcard_that_ends_a_label", [] { return node_named({"crdb-*.crdb.internal"}); },
     peer_fault::wrong_name},
    {"a_wildcard_that_begins_a_label", [] { return node_named({"*-0.crdb.internal"}); },
     peer_fault::wrong_name},
    {"a_wildcard_inside_a_label", [] { return node_named({"cr*-0.crdb.internal"}); },
     peer_fault::wrong_name},
    {"a_wildcard_that_is_not_leftmost", [] { return node_named({"crdb-0.*.internal"}); },
     peer_fault::wrong_name},
    {"a_wildcard_for_two_labels", [] { return node_named({"*.internal"}); },
     peer_fault::wrong_name},
    {"two_wildcards", [] { return node_named({"*.*.internal"}); }, peer_fault::wrong_name},
    {"a_doubled_wildcard", [] { return node_named({"**.crdb.internal"}); },
     peer_fault::wrong_name},
    {"a_wildcard_for_everything", [] { return node_named({"*"}); }, peer_fault::wrong_name},
    {"a_wildcard_for_no_label", [] { return node_named({"*.crdb-0.crdb.internal"}); },
     peer_fault::wrong_name},
    {"an_ip_in_a_dns_name", [] { return node_named({"10.1.2.3"}, "10.1.2.3"); },
     peer_fault::wrong_name, "10.1.2.3 among the SANs / DNS:10.1.2.3"},
    {"an_ip_in_the_common_name",
     [] {
         return node_with([](auto& request) { request.common_name = "10.1.2.3"; }, "10.1.2.3");
     },
     peer_fault::wrong_name},
    {"an_ip_under_a_wildcard", [] { return node_named({"*.1.2.3"}, "10.1.2.3"); },
     peer_fault::wrong_name},
    {"another_ip", [] { return node_at({"10.1.2.4"}, "10.1.2.3"); }, peer_fault::wrong_name},
    {"an_ipv4_compatible_ipv6", [] { return node_at({"::10.1.2.3"}, "10.1.2.3"); },
     peer_fault::wrong_name},
    {"a_name_where_an_ip_is_due", [] { return node_named({host}, "10.1.2.3"); },
     peer_fault::wrong_name},
    {"an_ip_where_a_name_is_due",
     [] {
         return node_with([](auto& request) {
             request.dns_sans.clear();
             request.ip_sans = {"10.1.2.3"};
         });
     },
     peer_fault::wrong_name},
};

const std::vector<refusal_row> revoked_or_unpinned{
    {"revoked",
     [] {
         auto setting = good_node();
         return with_crl(setting, ca().crl({setting.node.serial}));
     },
     peer_fault::revoked, "a certificate that crl_file does not revoke / "},
    {"revoked_among_others",
     [] {
         auto setting = good_node();
         return with_crl(setting, ca().crl({"01", setting.node.serial, "7F"}));
     },
     peer_fault::revoked},
    {"an_intermediate_that_is_revoked",
     [] {
         auto setting = node_below([](auto& request) { request.serial = "1234"; });
         const auto issuer = setting.node.chain_pem;
         return with_crl(setting, ca().crl({"1234"}));
     },
     peer_fault::crl_unusable}, // its own list is missing too, which is found first
    {"an_intermediate_that_is_revoked_with_all_lists",
     [] {
         auto request = intermediate_request();
         request.serial = "1234";
         const auto below = certificate_authority::intermediate(ca(), request);
         return with_crl({.node = below.issue(node_request())}, ca().crl({"1234"}) + below.crl({}));
     },
     peer_fault::revoked, "CN=Intermediate CA"},
    {"an_expired_crl", [] { return with_crl(good_node(), ca().crl({}, -48h, -1min)); },
     peer_fault::crl_unusable, "a valid CRL in crl_file for every issuer of the chain / "},
    {"a_crl_that_is_not_valid_yet", [] { return with_crl(good_node(), ca().crl({}, 1h, 24h)); },
     peer_fault::crl_unusable},
    {"a_foreign_crl",
     [] { return with_crl(good_node(), certificate_authority("Another CA").crl({})); },
     peer_fault::crl_unusable},
    {"a_foreign_crl_of_the_same_name",
     [] { return with_crl(good_node(), certificate_authority("Cockroach CA").crl({})); },
     peer_fault::crl_unusable},
    {"no_crl_of_the_intermediate",
     [] {
         return with_crl({.node = intermediate().issue(node_request())}, ca().crl({}));
     },
     peer_fault::crl_unusable},
    {"no_crl_of_the_root",
     [] {
         return with_crl({.node = intermediate().issue(node_request())}, intermediate().crl({}));
     },
     peer_fault::crl_unusable},
    {"a_crl_whose_ca_may_sign_none",
     [] {
         auto request = authority_request("Root CA");
         request.key_usage = "critical,keyCertSign";
         const auto root = certificate_authority::root(request);
         return scenario{.node = root.issue(node_request()),
                         .ca_file = root.certificate_pem(),
                         .crl_file = root.crl({})};
     },
     peer_fault::crl_unusable},
    {"a_pin_of_another_key",
     [] {
         auto setting = good_node();
         setting.pins = {strangers_pin()};
         return setting;
     },
     peer_fault::pin_mismatch},
    {"a_node_pin_of_another_key",
     [] {
         auto setting = good_node();
         setting.node_pins = {strangers_pin()};
         return setting;
     },
     peer_fault::pin_mismatch},
    {"the_cluster_s_pin_alone_where_both_are_given",
     [] {
         auto setting = good_node();
         setting.pins = {pin_of_ca()};
         setting.node_pins = {strangers_pin()};
         return setting;
     },
     peer_fault::pin_mismatch},
    {"the_node_s_pin_alone_where_both_are_given",
     [] {
         auto setting = good_node();
         setting.pins = {strangers_pin()};
         setting.node_pins = {pin_of_leaf(setting)};
         return setting;
     },
     peer_fault::pin_mismatch},
    {"a_pinned_certificate_beside_the_chain",
     [] {
         auto setting = good_node();
         const auto pinned = ca().issue(node_request()).certificate_pem;
         setting.node.chain_pem += pinned;
         setting.pins = {spki_sha256_base64(pinned)};
         return setting;
     },
     peer_fault::pin_mismatch},
    {"a_pin_does_not_stand_in_for_the_chain",
     [] {
         scenario setting{.node = test::self_signed(node_request())};
         setting.pins = {pin_of_leaf(setting)};
         return setting;
     },
     peer_fault::untrusted_chain},
    {"a_pin_does_not_stand_in_for_the_name",
     [] {
         auto setting = node_named({"other.crdb.internal"});
         setting.pins = {pin_of_leaf(setting)};
         return setting;
     },
     peer_fault::wrong_name},
    {"a_revoked_leaf_key",
     [] {
         auto setting = good_node();
         setting.revoked = {strangers_pin(), pin_of_leaf(setting)};
         return setting;
     },
     peer_fault::pin_revoked},
    {"a_revoked_ca_key_above_a_pinned_leaf",
     [] {
         auto setting = good_node();
         setting.pins = {pin_of_leaf(setting)};
         setting.revoked = {pin_of_ca()};
         return setting;
     },
     peer_fault::pin_revoked},
    {"a_revoked_intermediate_key",
     [] {
         auto setting = node_below([](auto&) {});
         setting.revoked = {spki_sha256_base64(setting.node.chain_pem)};
         return setting;
     },
     peer_fault::pin_revoked},
};

const std::vector<refusal_row> not_understood{
    {"a_critical_extension_nobody_knows",
     [] { return node_changed(add_unknown_critical_extension); },
     peer_fault::verification_failed, "unhandled critical extension"},
    {"a_date_that_cannot_be_read", [] { return node_changed(make_date_unreadable); },
     peer_fault::verification_failed, "a chain that can be judged / "},
};

class tls_peer_check_refusals : public testing::TestWithParam<refusal_row> {};

TEST_P(tls_peer_check_refusals, is_refused_for_its_own_reason) {
    const auto& [name, make, fault, verdict] = GetParam();
    for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
        const auto progress = judge(make(), {.max_version = version});
        ASSERT_TRUE(std::holds_alternative<tls::peer_refusal>(progress)) << verdict_of(progress);
        const auto& refusal = std::get<tls::peer_refusal>(progress);
        EXPECT_EQ(to_string(refusal.fault), to_string(fault)) << verdict_of(progress);
        EXPECT_FALSE(refusal.expected.empty());
        EXPECT_FALSE(refusal.presented.empty());
        EXPECT_THAT(verdict_of(progress), testing::HasSubstr(verdict));
    }
}

INSTANTIATE_TEST_SUITE_P(untrusted, tls_peer_check_refusals, testing::ValuesIn(untrusted),
                         name_of_row);
INSTANTIATE_TEST_SUITE_P(weak_or_out_of_date, tls_peer_check_refusals,
                         testing::ValuesIn(weak_or_out_of_date), name_of_row);
INSTANTIATE_TEST_SUITE_P(of_another_purpose, tls_peer_check_refusals,
                         testing::ValuesIn(of_another_purpose), name_of_row);
INSTANTIATE_TEST_SUITE_P(of_another_name, tls_peer_check_refusals,
                         testing::ValuesIn(of_another_name), name_of_row);
INSTANTIATE_TEST_SUITE_P(revoked_or_unpinned, tls_peer_check_refusals,
                         testing::ValuesIn(revoked_or_unpinned), name_of_row);
INSTANTIATE_TEST_SUITE_P(not_understood, tls_peer_check_refusals,
                         testing::ValuesIn(not_understood), name_of_row);

TEST(tls_peer_check, a_pin_mismatch_says_which_keys_came_and_which_were_due) {
    auto setting = good_node();
    setting.pins = {strangers_pin(), strangers_pin()};
    EXPECT_EQ(verdict_of(judge(setting)), "pin_mismatch: a key of " + setting.pins[0] + ", " +
                                              setting.pins[1] + " / " + pin_of_leaf(setting) +
                                              ", " + pin_of_ca());
    setting.revoked = {pin_of_ca()};
    setting.pins.clear();
    EXPECT_EQ(verdict_of(judge(setting)), "pin_revoked: no key of " + pin_of_ca() + " / " +
                                              pin_of_leaf(setting) + ", " + pin_of_ca());
}

TEST(tls_peer_check, faults_have_the_labels_of_logs_and_metrics) {
    struct row {
        peer_fault fault;
        const char* label;
    };

    for (const auto& [fault, label] : {
             row{peer_fault::not_tls, "not_tls"},
             row{peer_fault::tls_version, "tls_version"},
             row{peer_fault::tls_alert, "tls_alert"},
             row{peer_fault::untrusted_chain, "untrusted_chain"},
             row{peer_fault::weak, "weak"},
             row{peer_fault::expired, "expired"},
             row{peer_fault::not_yet_valid, "not_yet_valid"},
             row{peer_fault::wrong_purpose, "wrong_purpose"},
             row{peer_fault::leaf_is_ca, "leaf_is_ca"},
             row{peer_fault::wrong_name, "wrong_name"},
             row{peer_fault::revoked, "revoked"},
             row{peer_fault::crl_unusable, "crl_unusable"},
             row{peer_fault::pin_mismatch, "pin_mismatch"},
             row{peer_fault::pin_revoked, "pin_revoked"},
             row{peer_fault::verification_failed, "verification_failed"},
         }) {
        EXPECT_EQ(to_string(fault), label);
    }
}

} // namespace
} // namespace roachpin
