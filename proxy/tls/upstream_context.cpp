#include "tls/upstream_context.hpp"

#include "tls/certificate.hpp"
#include "tls/context_setup.hpp"
#include "tls/library.hpp"

namespace roachpin::tls {
namespace {

int protocol_number(core::tls_version version) {
    return version == core::tls_version::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

/// With CRLs, every certificate below the root must be covered by a valid one.
void demand_crls(SSL_CTX& context, const std::vector<x509_crl_ptr>& crls) {
    if (crls.empty()) {
        return;
    }
    auto* store = SSL_CTX_get_cert_store(&context);
    for (const auto& crl : crls) {
        demand(X509_STORE_add_crl(store, crl.get()) == 1, "cannot add a CRL");
    }
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(&context),
                                X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

std::string names_of_all(const std::vector<x509_ptr>& certificates) {
    std::string names;
    for (const auto& certificate : certificates) {
        names +=
            (names.empty() ? "" : " or ") + subject_of(*certificate) + subject_key_of(*certificate);
    }
    return names;
}

} // namespace

// Defined beside the class that judges, so that no context exists without it.
void install_peer_check(SSL_CTX& context);

core::result<upstream_context> upstream_context::make(upstream_options options) {
    upstream_context made;
    made.context_ = new_context(TLS_client_method(), protocol_number(options.min_version));
    trust_only(*made.context_, options.anchors);
    demand_crls(*made.context_, options.crls);
    install_peer_check(*made.context_);
    if (options.client) {
        if (auto presented = present(*made.context_, *options.client); !presented) {
            return presented.error();
        }
    }
    made.anchor_names_ = names_of_all(options.anchors);
    made.pins_ = std::move(options.pins);
    made.revoked_ = std::move(options.revoked);
    made.min_version_ = options.min_version;
    return made;
}

ssl_ptr upstream_context::new_connection(int fd) const {
    ssl_ptr connection(SSL_new(context_.get()));
    demand(connection != nullptr && SSL_set_fd(connection.get(), fd) == 1,
           "cannot make a TLS connection");
    SSL_set_connect_state(connection.get());
    return connection;
}

/// As in a handshake of OpenSSL's: its store, its purpose, its flags (CRLs) and its security level.
x509_store_ctx_ptr upstream_context::new_judgement(const SSL& established) const {
    auto* context = context_.get();
    x509_store_ctx_ptr judgement(X509_STORE_CTX_new());
    demand(judgement != nullptr &&
               X509_STORE_CTX_init(judgement.get(), SSL_CTX_get_cert_store(context),
                                   SSL_get0_peer_certificate(&established),
                                   SSL_get_peer_cert_chain(&established)) == 1 &&
               X509_STORE_CTX_set_default(judgement.get(), "ssl_server") == 1,
           "cannot judge a certificate again");
    auto* rules = X509_STORE_CTX_get0_param(judgement.get());
    demand(X509_VERIFY_PARAM_set1(rules, SSL_CTX_get0_param(context)) == 1,
           "cannot judge a certificate again");
    X509_VERIFY_PARAM_set_auth_level(rules, SSL_CTX_get_security_level(context));
    return judgement;
}

int upstream_context::lowest_protocol() const {
    return protocol_number(min_version_);
}

} // namespace roachpin::tls
