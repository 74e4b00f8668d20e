#include "tls/local_context.hpp"

#include "tls/certificate.hpp"
#include "tls/context_setup.hpp"
#include "tls/library.hpp"

#include <string_view>

namespace roachpin::tls {
namespace {

/// PostgreSQL's ALPN name with its length in front (RFC 7301 section 3.1; IANA registry).
constexpr std::string_view alpn = "\x0apostgresql";

/// A client that offers protocols and not ours means another server (ALPACA): an alert ends it.
int select_alpn(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                unsigned offered_size, void*) {
    unsigned char* selected = nullptr;
    const auto* ours = reinterpret_cast<const unsigned char*>(alpn.data());
    if (SSL_select_next_proto(&selected, size, ours, alpn.size(), offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

/// Lets the handshake go on with a certificate that does not hold, and notes that it did not.
int note_client_certificate(int ok, X509_STORE_CTX* store) {
    auto* tls =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* handshake = static_cast<local_handshake*>(SSL_get_app_data(tls));
    if (ok == 1) {
        return 1;
    }
    if (handshake == nullptr) {
        return 0;
    }
    if (!handshake->certificate_fault_) {
        const auto* shown = X509_STORE_CTX_get0_cert(store);
        handshake->certificate_fault_ =
            subject_of(*shown) + ", issued by " + issuer_of(*shown) + issuer_key_of(*shown) + ": " +
            X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
    }
    return 1;
}

core::result<local_context> local_context::make(const key_pair& identity,
                                                const std::vector<x509_ptr>& client_anchors) {
    local_context made;
    made.context_ = new_context(TLS_server_method(), TLS1_2_VERSION);
    auto& context = *made.context_;
    if (auto presented = present(context, identity); !presented) {
        return presented.error();
    }
    SSL_CTX_set_alpn_select_cb(&context, select_alpn, nullptr);
    if (!client_anchors.empty()) {
        trust_only(context, client_anchors);
        for (const auto& anchor : client_anchors) {
            demand(SSL_CTX_add_client_CA(&context, anchor.get()) == 1, "cannot name a client CA");
        }
        SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, note_client_certificate);
        made.demands_certificate_ = true;
    }
    return made;
}

ssl_ptr local_context::new_connection(int fd) const {
    ssl_ptr connection(SSL_new(context_.get()));
    demand(connection != nullptr && SSL_set_fd(connection.get(), fd) == 1,
           "cannot make a TLS connection");
    SSL_set_accept_state(connection.get());
    return connection;
}

local_handshake::local_handshake(const local_context& context, int fd)
    : context_(context), tls_(context.new_connection(fd)) {
    SSL_set_app_data(tls_.get(), this);
}

local_progress local_handshake::advance() {
    forget_errors();
    const int status = SSL_do_handshake(tls_.get());
    if (status == 1) {
        return conclude();
    }
    switch (SSL_get_error(tls_.get(), status)) {
    case SSL_ERROR_WANT_READ:
        return local_wants_read{};
    case SSL_ERROR_WANT_WRITE:
        return local_wants_write{};
    case SSL_ERROR_SYSCALL:
        return local_handshake_failed{
            core::system_error("the client broke the TLS handshake off").sentence};
    default:
        return local_handshake_failed{"the client's TLS handshake failed: " +
                                      take_error("closed by the client")};
    }
}

local_progress local_handshake::conclude() {
    auto* tls = tls_.get();
    SSL_set_app_data(tls, nullptr); // the handshake object may go, the connection stays
    if (context_.demands_certificate() && SSL_get0_peer_certificate(tls) == nullptr) {
        certificate_fault_ = "no client certificate";
    }
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls, &protocol, &size);
    return client_tls{std::move(tls_), size > 0, std::move(certificate_fault_)};
}

} // namespace roachpin::tls
