#include "tls/certificate.hpp"
#include "tls/local_certificate.hpp"
#include "unit/tls/pem.hpp"

#include <gtest/gtest.h>

#include <set>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using core::ip_address;
using test::certificate_of;

const auto now = std::chrono::system_clock::from_time_t(1795329000);

tls::key_pair made(std::optional<ip_address> also = std::nullopt,
                   std::chrono::system_clock::time_point when = std::chrono::system_clock::now()) {
    return tls::make_local_certificate(also, when);
}

TEST(tls_local_certificate, names_this_machine_and_the_address_that_is_bound) {
    struct row {
        std::optional<ip_address> also;
        const char* names;
    };

    constexpr auto always = "DNS:localhost, IP:127.0.0.1, IP:::1";
    for (const auto& [also, names] : {
             row{std::nullopt, always},
             row{ip_address::parse("10.1.2.3").value(),
                 "DNS:localhost, IP:127.0.0.1, IP:::1, IP:10.1.2.3"},
             row{ip_address::parse("fd00::1").value(),
                 "DNS:localhost, IP:127.0.0.1, IP:::1, IP:fd00::1"},
             // Every address is no address a client could ask for.
             row{ip_address::parse("0.0.0.0").value(), always},
             row{ip_address::parse("::").value(), always},
         }) {
        EXPECT_EQ(tls::names_of(*made(also).chain.at(0)), names);
    }
}

TEST(tls_local_certificate, is_valid_from_an_hour_ago_for_ten_years) {
    const auto pair = made(std::nullopt, now);
    EXPECT_EQ(tls::not_before_of(*pair.chain.at(0)), now - 1h);
    EXPECT_EQ(tls::not_after_of(*pair.chain.at(0)), now + 24h * 3650);
}

TEST(tls_local_certificate, is_a_server_s_and_can_sign_no_other) {
    const auto pair = made();
    ASSERT_EQ(pair.chain.size(), 1U);
    EXPECT_TRUE(tls::allows_server_auth(*pair.chain[0]));
    EXPECT_EQ(X509_get_extension_flags(pair.chain[0].get()) & EXFLAG_CA, 0U);
    EXPECT_EQ(X509_get_key_usage(pair.chain[0].get()), std::uint32_t{KU_DIGITAL_SIGNATURE});
    EXPECT_EQ(X509_check_private_key(pair.chain[0].get(), pair.key.get()), 1);
    EXPECT_EQ(EVP_PKEY_get_bits(pair.key.get()), 256);
}

TEST(tls_local_certificate, no_two_have_a_key_or_a_serial_number_in_common) {
    std::set<std::string> keys;
    std::set<std::string> serials;
    for (int i = 0; i < 8; ++i) {
        const auto pair = made();
        keys.insert(tls::spki_of(*pair.chain.at(0)).to_base64());
        const auto* serial = X509_get0_serialNumber(pair.chain.at(0).get());
        EXPECT_LE(ASN1_STRING_length(serial), 20); // RFC 5280 section 4.1.2.2
        serials.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                        static_cast<std::size_t>(ASN1_STRING_length(serial)));
    }
    EXPECT_EQ(keys.size(), 8U);
    EXPECT_EQ(serials.size(), 8U);
}

/// What an application with sslmode=verify-full makes of it, the exported file being its root.
int verdict(const std::string& exported, const char* host, const char* address) {
    const std::unique_ptr<X509_STORE, tls::deleter<X509_STORE_free>> trusted(X509_STORE_new());
    X509_STORE_add_cert(trusted.get(), certificate_of(exported).get());
    const auto leaf = certificate_of(exported);
    const std::unique_ptr<X509_STORE_CTX, tls::deleter<X509_STORE_CTX_free>> judging(
        X509_STORE_CTX_new());
    X509_STORE_CTX_init(judging.get(), trusted.get(), leaf.get(), nullptr);
    X509_STORE_CTX_set_default(judging.get(), "ssl_server");
    auto* rules = X509_STORE_CTX_get0_param(judging.get());
    X509_VERIFY_PARAM_set_auth_level(rules, 2);
    if (host != nullptr) {
        X509_VERIFY_PARAM_set1_host(rules, host, 0);
    }
    if (address != nullptr) {
        X509_VERIFY_PARAM_set1_ip_asc(rules, address);
    }
    X509_verify_cert(judging.get());
    return X509_STORE_CTX_get_error(judging.get());
}

TEST(tls_local_certificate, verifies_with_itself_as_the_only_root) {
    const auto exported = tls::to_pem(*made(ip_address::parse("10.1.2.3").value()).chain.at(0));
    EXPECT_EQ(verdict(exported, "localhost", nullptr), X509_V_OK);
    EXPECT_EQ(verdict(exported, nullptr, "127.0.0.1"), X509_V_OK);
    EXPECT_EQ(verdict(exported, nullptr, "::1"), X509_V_OK);
    EXPECT_EQ(verdict(exported, nullptr, "10.1.2.3"), X509_V_OK);
    EXPECT_EQ(verdict(exported, "crdb.internal", nullptr), X509_V_ERR_HOSTNAME_MISMATCH);
    EXPECT_EQ(verdict(exported, nullptr, "10.1.2.4"), X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST(tls_local_certificate, is_exported_as_one_block_of_pem_and_without_its_key) {
    const auto exported = tls::to_pem(*made().chain.at(0));
    EXPECT_TRUE(exported.starts_with("-----BEGIN CERTIFICATE-----\n"));
    EXPECT_TRUE(exported.ends_with("-----END CERTIFICATE-----\n"));
    EXPECT_EQ(exported.find("PRIVATE"), std::string::npos);
    EXPECT_EQ(test::certificates_of(exported).size(), 1U);
}

} // namespace
} // namespace roachpin
