#include "tls/library.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace roachpin::tls {

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
    if (code == 0) {
        return fallback;
    }
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
}

void demand(bool ok, const char* what) {
    if (!ok) {
        throw failure(what);
    }
}

} // namespace roachpin::tls
