#pragma once

#include "tls/credentials.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

/// TLS towards the applications.
namespace roachpin::tls {

/// The TLS configuration of one listener. Immutable once made: safe to share between threads.
class local_context {
public:
    /// `client_anchors`: where any are given, clients must show a certificate that chains to one.
    static core::result<local_context> make(const key_pair& identity,
                                            const std::vector<x509_ptr>& client_anchors);

    /// A server-side SSL over `fd`, which stays the caller's.
    ssl_ptr new_connection(int fd) const;

    bool demands_certificate() const { return demands_certificate_; }

private:
    local_context() = default;

    ssl_ctx_ptr context_;
    bool demands_certificate_ = false;
};

/// An application's TLS, established.
struct client_tls {
    ssl_ptr tls;
    bool alpn = false; ///< "postgresql" was agreed on
    /// Where a client certificate is demanded and none that holds came: what was presented. The
    /// handshake is completed all the same, so that the client can be told in words (28000).
    std::optional<std::string> certificate_fault;
};

struct local_wants_read {};

struct local_wants_write {};

struct local_handshake_failed {
    std::string sentence;
};

using local_progress =
    std::variant<local_wants_read, local_wants_write, client_tls, local_handshake_failed>;

/// One TLS handshake with a client. Stays at one address. `context` must outlive it.
class local_handshake {
public:
    local_handshake(const local_context& context, int fd);
    local_handshake(const local_handshake&) = delete;
    local_handshake& operator=(const local_handshake&) = delete;
    ~local_handshake() = default;

    /// Goes on until the socket must be waited for. Not to be called again after a final result.
    local_progress advance();

private:
    friend int note_client_certificate(int ok, X509_STORE_CTX* store);

    local_progress conclude();

    const local_context& context_;
    ssl_ptr tls_;
    std::optional<std::string> certificate_fault_;
};

} // namespace roachpin::tls
