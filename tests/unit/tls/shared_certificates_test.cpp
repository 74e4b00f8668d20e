#include "tls/shared_certificates.hpp"
#include "unit/tls/pem.hpp"
#include "unit/tls/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>

namespace roachpin {
namespace {

void free_with_certificates(STACK_OF(X509) * stack) {
    sk_X509_pop_free(stack, X509_free);
}

/// Certificates as a connection decodes them: objects of their own.
struct received {
    explicit received(std::initializer_list<std::string> pems) {
        for (const auto& pem : pems) {
            sk_X509_push(stack.get(), test::certificate_of(pem).release());
        }
    }

    X509* at(int index) const { return sk_X509_value(stack.get(), index); }

    std::unique_ptr<STACK_OF(X509), tls::deleter<free_with_certificates>> stack{sk_X509_new_null()};
};

class tls_shared_certificates : public testing::Test {
protected:
    /// Whether what is kept took the place of the certificate.
    static bool knows(tls::shared_certificates& known, const std::string& pem) {
        const received again{pem};
        const auto* before = again.at(0);
        known.substitute(*again.stack);
        return again.at(0) != before;
    }

    static std::string verdict_on(test::dial& one, const test::scenario& setting) {
        test::plain_tls node(test::plain_tls::role::server, {.presents = setting.node},
                             one.sockets.theirs());
        return test::verdict_of(test::shake_hands(one, node));
    }

    std::string new_leaf() const { return ca.issue({}).certificate_pem; }

    test::certificate_authority ca{"Cockroach CA"};
    std::string leaf = new_leaf();
    tls::shared_certificates known;
};

TEST_F(tls_shared_certificates, the_kept_copy_takes_the_place_of_its_equal) {
    const received first{leaf, ca.certificate_pem()};
    known.keep(*first.stack);
    const received second{leaf};
    known.substitute(*second.stack);
    EXPECT_EQ(second.at(0), first.at(0));
}

TEST_F(tls_shared_certificates, every_certificate_of_what_was_shown_is_looked_at) {
    const auto other = new_leaf();
    const received first{leaf, other, ca.certificate_pem()};
    known.keep(*first.stack);
    const received second{new_leaf(), other, leaf};
    known.substitute(*second.stack);
    EXPECT_EQ(second.at(1), first.at(1));
    EXPECT_EQ(second.at(2), first.at(0));
}

TEST_F(tls_shared_certificates, another_certificate_of_the_same_name_stays_itself) {
    known.keep(*received{leaf, ca.certificate_pem()}.stack);
    const test::certificate_authority impostor("Cockroach CA");
    EXPECT_FALSE(knows(known, new_leaf()));
    EXPECT_FALSE(knows(known, impostor.issue({}).certificate_pem));
}

TEST_F(tls_shared_certificates, a_changed_signature_is_another_certificate) {
    known.keep(*received{leaf, ca.certificate_pem()}.stack);
    const auto original = test::certificate_of(leaf);
    unsigned char* encoded = nullptr;
    const int size = i2d_X509(original.get(), &encoded);
    encoded[size - 1] ^= 1; // the signature is what ends a certificate
    const unsigned char* cursor = encoded;
    const tls::x509_ptr changed(d2i_X509(nullptr, &cursor, size));
    OPENSSL_free(encoded);
    ASSERT_NE(changed, nullptr);
    EXPECT_FALSE(knows(known, test::pem_of(*changed)));
}

TEST_F(tls_shared_certificates, the_root_is_not_kept) {
    known.keep(*received{leaf, ca.certificate_pem()}.stack);
    EXPECT_TRUE(knows(known, leaf));
    EXPECT_FALSE(knows(known, ca.certificate_pem()));
}

TEST_F(tls_shared_certificates, the_eldest_make_room) {
    known.keep(*received{leaf, ca.certificate_pem()}.stack);
    for (int newer = 0; newer < 64; ++newer) {
        EXPECT_TRUE(knows(known, leaf)) << "with " << newer << " newer ones";
        known.keep(*received{new_leaf(), ca.certificate_pem()}.stack);
    }
    EXPECT_FALSE(knows(known, leaf));
}

TEST_F(tls_shared_certificates, a_node_that_proved_itself_is_known) {
    const auto setting = test::made({});
    test::dial one(setting);
    ASSERT_EQ(verdict_on(one, setting), "verified");
    EXPECT_TRUE(knows(one.context->certificates(), setting.node.certificate_pem));
}

TEST_F(tls_shared_certificates, a_refused_one_is_not) {
    const auto setting = test::made_with([](auto& words) { words.leaf.dns_sans = {"other"}; });
    test::dial one(setting);
    ASSERT_THAT(verdict_on(one, setting), testing::StartsWith("wrong_name"));
    EXPECT_FALSE(knows(one.context->certificates(), setting.node.certificate_pem));
}

} // namespace
} // namespace roachpin
