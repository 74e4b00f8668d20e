#include "tls/certificate.hpp"
#include "tls/upstream_context.hpp"
#include "unit/tls/pem.hpp"
#include "unit/tls/plain_tls.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using test::certificate_authority;

tls::upstream_options options_of(const certificate_authority& ca) {
    return {.anchors = test::certificates_of(ca.certificate_pem())};
}

TEST(tls_upstream_context, names_its_anchors) {
    const certificate_authority old("Old CA");
    const certificate_authority new_ca("New CA");
    const auto key_of = [](const certificate_authority& ca) {
        return tls::subject_key_of(*test::certificate_of(ca.certificate_pem()));
    };
    const auto old_name = "CN=Old CA,O=Cockroach" + key_of(old);
    auto options = options_of(old);
    EXPECT_EQ(tls::upstream_context::make(options_of(old)).value().anchor_names(), old_name);
    options.anchors.push_back(test::certificate_of(new_ca.certificate_pem()));
    EXPECT_EQ(tls::upstream_context::make(std::move(options)).value().anchor_names(),
              old_name + " or CN=New CA,O=Cockroach" + key_of(new_ca));
}

TEST(tls_upstream_context, keeps_what_is_demanded) {
    const certificate_authority ca;
    const auto pin = core::spki_pin::parse(test::spki_sha256_base64(ca.certificate_pem())).value();
    auto options = options_of(ca);
    options.pins = {pin};
    options.revoked = {pin, pin};
    options.min_version = core::tls_version::v1_3;
    const auto context = tls::upstream_context::make(std::move(options)).value();
    EXPECT_EQ(context.pins(), std::vector{pin});
    EXPECT_EQ(context.revoked().size(), 2U);
    EXPECT_EQ(context.min_version(), core::tls_version::v1_3);
}

TEST(tls_upstream_context, a_client_certificate_that_is_too_weak_is_refused_with_a_sentence) {
    const certificate_authority ca;

    struct row {
        const char* name;
        void (*change)(test::certificate_request&);
        const char* sentence;
    };

    for (const auto& [name, change, sentence] : {
             row{"key", [](auto& request) { request.key = test::key_type::rsa_1024; },
                 "the certificate is not acceptable: ee key too small"},
             row{"digest", [](auto& request) { request.digest = test::signature_digest::sha1; },
                 "the certificate is not acceptable: ca md too weak"},
         }) {
        test::certificate_request request;
        change(request);
        auto options = options_of(ca);
        options.client = test::key_pair_of(ca.issue(request));
        const auto context = tls::upstream_context::make(std::move(options));
        ASSERT_FALSE(context) << name;
        EXPECT_EQ(context.error().sentence, sentence) << name;
    }
}

TEST(tls_upstream_context, a_weak_certificate_of_the_chain_is_refused_by_its_place) {
    const certificate_authority ca;
    auto request = test::authority_request("Intermediate CA");
    request.key = test::key_type::rsa_1024;
    const auto weak = certificate_authority::intermediate(ca, request);
    auto options = options_of(ca);
    options.client = test::key_pair_of(weak.issue({}));
    const auto context = tls::upstream_context::make(std::move(options));
    ASSERT_FALSE(context);
    EXPECT_EQ(context.error().sentence,
              "certificate 2 of the chain is not acceptable: ca key too small");
}

/// Without its check a connection of this context trusts nobody: forgetting the check is no bypass.
TEST(tls_upstream_context, a_connection_without_its_check_accepts_no_certificate) {
    const certificate_authority ca;
    test::certificate_request request;
    request.dns_sans = {"crdb.internal"};
    const auto context = tls::upstream_context::make(options_of(ca)).value();
    const test::socket_pair sockets;
    const auto bare = context.new_connection(sockets.ours());
    test::plain_tls node(test::plain_tls::role::server, {.presents = ca.issue(request)},
                         sockets.theirs());
    for (int turn = 0; turn < 10; ++turn) {
        EXPECT_NE(SSL_do_handshake(bare.get()), 1);
        node.advance();
    }
    EXPECT_FALSE(node.established());
    EXPECT_TRUE(node.alert());
}

} // namespace
} // namespace roachpin
