#include "support/temp_dir.hpp"
#include "tls/handles.hpp"
#include "tls/library.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <csignal>
#include <cstdlib>

namespace roachpin {
namespace {

/// Prepares the process once, as main does, in an environment that would weaken every context made
/// in it if it were asked.
class prepared_process : public testing::Environment {
public:
    void SetUp() override {
        const test::temp_dir folder;
        const auto hostile = folder.write("openssl.cnf", "openssl_conf = all\n"
                                                         "[all]\nssl_conf = modules\n"
                                                         "[modules]\nsystem_default = weak\n"
                                                         "[weak]\nMinProtocol = TLSv1\n"
                                                         "MaxProtocol = TLSv1.2\n"
                                                         "CipherString = ALL:@SECLEVEL=0\n");
        ::setenv("OPENSSL_CONF", hostile.c_str(), 1);
        std::signal(SIGPIPE, SIG_IGN);
        tls::initialise();
    }
};

// GoogleTest owns and deletes it.
[[maybe_unused]] const auto* const environment =
    testing::AddGlobalTestEnvironment(new prepared_process);

TEST(tls_library, no_file_of_the_system_changes_what_is_demanded) {
    const tls::ssl_ctx_ptr context(SSL_CTX_new(TLS_client_method()));
    EXPECT_EQ(SSL_CTX_get_max_proto_version(context.get()), 0);
    EXPECT_NE(SSL_CTX_get_min_proto_version(context.get()), TLS1_VERSION);
    EXPECT_GT(SSL_CTX_get_security_level(context.get()), 0);
}

TEST(tls_library, the_version_is_that_of_openssl) {
    EXPECT_TRUE(tls::library_version().starts_with("OpenSSL 3.")) << tls::library_version();
}

TEST(tls_library, the_oldest_error_is_taken_and_the_queue_left_empty) {
    ERR_clear_error();
    EXPECT_EQ(tls::take_error("nothing"), "nothing");
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    EXPECT_EQ(tls::take_error("nothing"), "no shared cipher");
    EXPECT_EQ(tls::take_error("nothing"), "nothing");
}

TEST(tls_library, an_error_without_a_text_has_its_number) {
    ERR_raise(ERR_LIB_USER, 77);
    EXPECT_TRUE(tls::take_error("nothing").starts_with("OpenSSL error "));
}

TEST(tls_library, what_cannot_fail_throws_with_openssls_reason) {
    EXPECT_NO_THROW(tls::demand(true, "nothing"));
    ERR_clear_error();
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    try {
        tls::demand(false, "cannot do it");
        FAIL() << "went on";
    } catch (const tls::failure& thrown) {
        EXPECT_STREQ(thrown.what(), "cannot do it: bad length");
    }
}

} // namespace
} // namespace roachpin
