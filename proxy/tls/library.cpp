#include "tls/library.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

namespace roachpin::tls {
namespace {

std::string text_of(unsigned long code) {
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
}

class openssl_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "openssl"; }

    std::string message(int code) const override {
        return text_of(static_cast<unsigned int>(code));
    }
};

} // namespace

void initialise() {
    demand(OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
                                OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                            nullptr) == 1,
           "cannot start OpenSSL");
}

std::string library_version() {
    return OpenSSL_version(OPENSSL_VERSION);
}

std::string take_error(const std::string& fallback) {
    const auto code = ERR_get_error();
    ERR_clear_error();
    return code == 0 ? fallback : text_of(code);
}

void forget_errors() {
    if (ERR_peek_error() != 0) { // it is empty nearly always, and looking costs less than clearing
        ERR_clear_error();
    }
    errno = 0;
}

boost::system::error_code to_error_code(unsigned long code) {
    static const openssl_category category;
    return {static_cast<int>(code), category};
}

void demand(bool ok, const char* what) {
    if (!ok) {
        throw failure(what);
    }
}

} // namespace roachpin::tls
