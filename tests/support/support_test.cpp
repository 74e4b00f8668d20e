#include "support/pg_messages.hpp"
#include "support/temp_dir.hpp"
#include "support/test_pki.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <sys/stat.h>

// The certificates are judged by OpenSSL's verifier, as the strictest settings in use would: if the
// factory made something other than it says, a test that relies on a refusal would prove nothing.

namespace roachpin::test {
namespace {

using namespace std::chrono_literals;

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* pointer) const {
        Free(pointer);
    }
};

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using crl_ptr = std::unique_ptr<X509_CRL, freed_by<X509_CRL_free>>;

void free_stack(STACK_OF(X509) * stack) {
    sk_X509_pop_free(stack, X509_free);
}

bio_ptr open(const std::string& pem) {
    return bio_ptr{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
}

certificate_ptr parse(const std::string& pem) {
    return certificate_ptr{PEM_read_bio_X509(open(pem).get(), nullptr, nullptr, nullptr)};
}

struct question {
    std::string ca_pem;
    std::string host;
    std::string address;
    std::string crl_pem;
    int security_level = 2;
};

/// What OpenSSL makes of a server that presents `server`: X509_V_OK or its first objection.
int verdict(const identity& server, const question& asked) {
    const std::unique_ptr<X509_STORE, freed_by<X509_STORE_free>> store{X509_STORE_new()};
    X509_STORE_add_cert(store.get(), parse(asked.ca_pem).get());
    const std::unique_ptr<STACK_OF(X509), freed_by<free_stack>> chain{sk_X509_new_null()};
    const auto chain_pem = open(server.chain_pem);
    while (X509* const above = PEM_read_bio_X509(chain_pem.get(), nullptr, nullptr, nullptr))
        sk_X509_push(chain.get(), above);
    const auto crls = open(asked.crl_pem);
    while (const crl_ptr crl{PEM_read_bio_X509_CRL(crls.get(), nullptr, nullptr, nullptr)})
        X509_STORE_add_crl(store.get(), crl.get());

    const auto leaf = parse(server.certificate_pem);
    const std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>> context{
        X509_STORE_CTX_new()};
    X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), chain.get());
    X509_STORE_CTX_set_default(context.get(), "ssl_server");
    auto* const rules = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_auth_level(rules, asked.security_level);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (!asked.host.empty())
        X509_VERIFY_PARAM_set1_host(rules, asked.host.data(), asked.host.size());
    if (!asked.address.empty())
        X509_VERIFY_PARAM_set1_ip_asc(rules, asked.address.c_str());
    if (!asked.crl_pem.empty())
        X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return X509_verify_cert(context.get()) == 1 ? X509_V_OK
                                                : X509_STORE_CTX_get_error(context.get());
}

certificate_request node_request() {
    certificate_request request;
    request.dns_sans = {"crdb-0.crdb.internal"};
    request.ip_sans = {"10.1.2.3", "fd00::1"};
    return request;
}

class certificates : public testing::Test {
protected:
    certificate_authority ca;

    question by_name{ca.certificate_pem(), "crdb-0.crdb.internal", {}, {}};
    question by_address{ca.certificate_pem(), {}, "10.1.2.3", {}};

    template <class Change>
    [[nodiscard]] int verdict_on(Change change, const question& asked) const {
        auto request = node_request();
        change(request);
        return verdict(ca.issue(request), asked);
    }

    [[nodiscard]] int verdict_on_name(auto change) const { return verdict_on(change, by_name); }
};

TEST_F(certificates, a_node_certificate_is_accepted_by_name_and_by_address) {
    const auto node = ca.issue(node_request());
    EXPECT_EQ(verdict(node, by_name), X509_V_OK);
    EXPECT_EQ(verdict(node, by_address), X509_V_OK);
    by_address.address = "fd00::1";
    EXPECT_EQ(verdict(node, by_address), X509_V_OK);
}

TEST_F(certificates, keys_of_every_kind_sign_and_are_signed) {
    for (const auto key : {key_type::ec_p256, key_type::rsa_2048}) {
        EXPECT_EQ(verdict_on_name([&](auto& request) { request.key = key; }), X509_V_OK);
    }
    auto request = authority_request("RSA CA");
    request.key = key_type::rsa_2048;
    const auto rsa_ca = certificate_authority::root(request);
    EXPECT_EQ(verdict(rsa_ca.issue(node_request()), {rsa_ca.certificate_pem(), {}, {}, {}}),
              X509_V_OK);
}

TEST_F(certificates, another_authority_of_the_same_name_is_not_the_issuer) {
    const certificate_authority other;
    const auto impostor = other.issue(node_request());
    EXPECT_NE(verdict(impostor, by_name), X509_V_OK);
}

TEST_F(certificates, names_are_where_they_were_asked_to_be_and_nowhere_else) {
    const auto mismatch = X509_V_ERR_HOSTNAME_MISMATCH;
    EXPECT_EQ(verdict_on_name([](auto& request) { request.dns_sans = {"other.crdb.internal"}; }),
              mismatch);
    EXPECT_EQ(verdict_on_name([](auto& request) {
                  request.common_name = "crdb-0.crdb.internal";
                  request.dns_sans.clear();
                  request.ip_sans.clear();
              }),
              mismatch);
    EXPECT_EQ(verdict_on_name([](auto& request) { request.dns_sans = {"c*.crdb.internal"}; }),
              mismatch);
    EXPECT_EQ(verdict_on_name([](auto& request) { request.dns_sans = {"*.crdb.internal"}; }),
              X509_V_OK);
    EXPECT_EQ(verdict_on(
                  [](auto& request) {
                      request.dns_sans = {"10.1.2.3"};
                      request.ip_sans.clear();
                  },
                  by_address),
              X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST_F(certificates, a_dns_name_is_written_byte_for_byte) {
    auto request = node_request();
    const std::string truncated{"crdb-0.crdb.internal\0.evil.example", 34};
    request.dns_sans = {truncated};
    const auto leaf = parse(ca.issue(request).certificate_pem);
    auto* const names = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(leaf.get(), NID_subject_alt_name, nullptr, nullptr));
    ASSERT_EQ(sk_GENERAL_NAME_num(names), 3);
    const auto* const value = sk_GENERAL_NAME_value(names, 0)->d.dNSName;
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                          static_cast<std::size_t>(ASN1_STRING_length(value))),
              truncated);
    GENERAL_NAMES_free(names);
}

TEST_F(certificates, validity_starts_and_ends_when_asked) {
    EXPECT_EQ(verdict_on_name([](auto& request) {
                  request.not_before = -48h;
                  request.not_after = -1h;
              }),
              X509_V_ERR_CERT_HAS_EXPIRED);
    EXPECT_EQ(verdict_on_name([](auto& request) { request.not_before = 1h; }),
              X509_V_ERR_CERT_NOT_YET_VALID);
}

TEST_F(certificates, a_client_certificate_is_no_server_certificate) {
    EXPECT_EQ(verdict_on_name([](auto& request) { request.eku = extended_key_usage::client; }),
              X509_V_ERR_INVALID_PURPOSE);
}

TEST_F(certificates, purposes_and_authority_are_written_as_asked) {
    const auto flags_of = [&](auto change) {
        auto request = node_request();
        change(request);
        const auto leaf = parse(ca.issue(request).certificate_pem);
        return X509_get_extension_flags(leaf.get());
    };
    EXPECT_FALSE(flags_of([](auto& request) { request.eku = extended_key_usage::none; }) &
                 EXFLAG_XKUSAGE);
    EXPECT_TRUE(flags_of([](auto& request) { request.is_ca = true; }) & EXFLAG_CA);
    EXPECT_FALSE(flags_of([](auto& request) { request.basic_constraints = false; }) & EXFLAG_BCONS);

    auto request = node_request();
    request.eku = extended_key_usage::any;
    const auto leaf = parse(ca.issue(request).certificate_pem);
    EXPECT_EQ(X509_get_extended_key_usage(leaf.get()), static_cast<std::uint32_t>(XKU_ANYEKU));
}

TEST_F(certificates, weak_ones_are_refused_only_for_being_weak) {
    auto lenient = by_name;
    lenient.security_level = 0;

    const auto small = [](auto& request) {
        request.key = key_type::rsa_1024;
    };
    EXPECT_EQ(verdict_on(small, by_name), X509_V_ERR_EE_KEY_TOO_SMALL);
    EXPECT_EQ(verdict_on(small, lenient), X509_V_OK);

    const auto sha1 = [](auto& request) {
        request.digest = signature_digest::sha1;
    };
    EXPECT_EQ(verdict_on(sha1, by_name), X509_V_ERR_CA_MD_TOO_WEAK);
    EXPECT_EQ(verdict_on(sha1, lenient), X509_V_OK);
}

TEST_F(certificates, a_self_signed_leaf_has_no_authority) {
    EXPECT_EQ(verdict(self_signed(node_request()), by_name),
              X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
}

TEST_F(certificates, an_intermediate_has_to_be_presented) {
    auto request = authority_request("Intermediate");
    request.path_length = 0;
    const auto intermediate = certificate_authority::intermediate(ca, request);
    auto node = intermediate.issue(node_request());
    EXPECT_EQ(verdict(node, by_name), X509_V_OK);
    node.chain_pem.clear();
    EXPECT_NE(verdict(node, by_name), X509_V_OK);
}

TEST_F(certificates, a_revocation_list_names_whom_it_was_given) {
    const auto good = ca.issue(node_request());
    const auto bad = ca.issue(node_request());
    by_name.crl_pem = ca.crl({bad.serial});
    EXPECT_EQ(verdict(good, by_name), X509_V_OK);
    EXPECT_EQ(verdict(bad, by_name), X509_V_ERR_CERT_REVOKED);

    by_name.crl_pem = ca.crl({bad.serial}, -48h, -24h);
    EXPECT_EQ(verdict(good, by_name), X509_V_ERR_CRL_HAS_EXPIRED);
    by_name.crl_pem = certificate_authority{}.crl({});
    EXPECT_NE(verdict(good, by_name), X509_V_OK);
}

TEST_F(certificates, a_pin_is_of_the_key_not_of_the_certificate) {
    const auto pin = spki_sha256_base64(ca.certificate_pem());
    EXPECT_EQ(pin.size(), 44u);
    EXPECT_EQ(pin.back(), '=');
    EXPECT_NE(pin, spki_sha256_base64(ca.issue(node_request()).certificate_pem));
}

TEST_F(certificates, a_pin_is_what_openssl_computes) {
    // openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary
    // | base64, of the certificate in this text.
    static constexpr std::string_view pem = R"(-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIULwHXI1aAny8WTfzCypTmXNIwQfowCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKcGluLXZlY3RvcjAgFw0yNjExMjIwNjM0NDhaGA8yMTI2MTAy
OTA2MzQ0OFowFTETMBEGA1UEAwwKcGluLXZlY3RvcjBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABF8Sa0dNWx3KRyg29cZES7wawp7u6b0hfdX1ANMPfM6R/SK6WxKN
FI+BBPneOZFIO+VNkQzZnluJqgDYY06VMZ2jUzBRMB0GA1UdDgQWBBTFtJY1r8rd
3sNJZP5otBKM4IPWuzAfBgNVHSMEGDAWgBTFtJY1r8rd3sNJZP5otBKM4IPWuzAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIFcLxGI/UEUlnGEUwfMH
KMFN2k3AbjSvoWUaEZ31ikdOAiEAlkSqnTp+8BRvXBt2+wzPT02Y+aPdUQJdzQn9
+3e+9fI=
-----END CERTIFICATE-----
)";
    EXPECT_EQ(spki_sha256_base64(pem), "rHyAlIMyirwm8BsDY/3/WkSHaBNzNA0azwOVAmcdCOQ=");
}

TEST_F(certificates, nonsense_is_reported) {
    auto request = node_request();
    request.ip_sans = {"not an address"};
    EXPECT_THROW((void)ca.issue(request), std::runtime_error);
    request = node_request();
    request.serial = "xyz";
    EXPECT_THROW((void)ca.issue(request), std::runtime_error);
    EXPECT_THROW((void)spki_sha256_base64("no PEM"), std::runtime_error);
}

TEST(temporary_directory, keeps_keys_to_the_owner_and_leaves_nothing) {
    std::filesystem::path path;
    {
        const temp_dir directory;
        path = directory.path();
        const auto key = directory.write("node.key", "secret");
        const auto certificate = directory.write("node.crt", "public");

        struct stat seen {};

        ASSERT_EQ(::stat(key.c_str(), &seen), 0);
        EXPECT_EQ(seen.st_mode & 0777, 0600u);
        ASSERT_EQ(::stat(certificate.c_str(), &seen), 0);
        EXPECT_EQ(seen.st_mode & 0777, 0644u);

        (void)directory.write("node.key", "new");
        std::ifstream file{key};
        std::ostringstream content;
        content << file.rdbuf();
        EXPECT_EQ(content.str(), "new");
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(messages, openings_are_what_the_protocol_says) {
    EXPECT_EQ(ssl_request(), std::string("\x00\x00\x00\x08\x04\xd2\x16\x2f", 8));
    EXPECT_EQ(gssenc_request(), std::string("\x00\x00\x00\x08\x04\xd2\x16\x30", 8));
    EXPECT_EQ(cancel_request(0x0102030405060708),
              std::string("\x00\x00\x00\x10\x04\xd2\x16\x2e\x01\x02\x03\x04\x05\x06\x07\x08", 16));
    EXPECT_EQ(startup_message({{"user", "app"}}),
              std::string("\x00\x00\x00\x12\x00\x03\x00\x00user\0app\0\0", 18));
}

TEST(messages, startup_parameters_come_back) {
    const parameter_map parameters{{"database", "bank"}, {"user", "app"}};
    const auto message = startup_message(parameters);
    EXPECT_EQ(parse_startup_parameters(std::string_view{message}.substr(8)), parameters);
    EXPECT_EQ(parse_startup_parameters("user"), std::nullopt);
    EXPECT_EQ(parse_startup_parameters(std::string_view("user\0app\0", 9)), std::nullopt);
}

TEST(messages, errors_come_back) {
    auto bytes = encode_error({"FATAL", "57P01", "draining", "why", "what to do"});
    const auto message = take_message(bytes);
    ASSERT_TRUE(message);
    EXPECT_TRUE(bytes.empty());
    EXPECT_EQ(message->type, 'E');
    const auto fields = parse_error(message->body);
    EXPECT_EQ(fields.severity, "FATAL");
    EXPECT_EQ(fields.code, "57P01");
    EXPECT_EQ(fields.message, "draining");
    EXPECT_EQ(fields.detail, "why");
    EXPECT_EQ(fields.hint, "what to do");
}

TEST(messages, an_incomplete_message_stays_where_it_is) {
    const auto whole = query_message("SELECT 1");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        auto part = whole.substr(0, size);
        EXPECT_FALSE(take_message(part));
        EXPECT_EQ(part.size(), size);
    }
}

} // namespace
} // namespace roachpin::test
