#pragma once

#include <boost/system/error_code.hpp>

#include <stdexcept>
#include <string>

namespace roachpin::tls {

/// Sets OpenSSL up without openssl.cnf and without OPENSSL_CONF: a file of the system cannot lower
/// what roachpin demands. Call once, before anything else of this folder.
void initialise();

/// The version of the OpenSSL that is loaded, not the one compiled against.
std::string library_version();

/// The oldest error in this thread's OpenSSL queue as text, and the queue emptied; `fallback` where
/// there is none.
std::string take_error(const std::string& fallback);

/// SSL_get_error judges by the thread's queue and errno: neither may be left from something else.
/// Call it before every SSL_ function whose outcome is asked for.
void forget_errors();

/// One of OpenSSL's error codes, as one that can be carried about.
boost::system::error_code to_error_code(unsigned long code);

/// OpenSSL refused what cannot fail but for a bug or a lack of memory.
class failure : public std::runtime_error {
public:
    explicit failure(const std::string& what) : std::runtime_error(what + ": " + take_error("?")) {}
};

/// Throws `failure` unless `ok`.
void demand(bool ok, const char* what);

} // namespace roachpin::tls
