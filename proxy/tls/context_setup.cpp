#include "tls/context_setup.hpp"

#include "tls/library.hpp"

namespace roachpin::tls {
namespace {

/// One read(2) brings several records; the buffer exists only while it holds something
/// (SSL_MODE_RELEASE_BUFFERS).
constexpr std::size_t read_buffer = 64 * 1024;

} // namespace

ssl_ctx_ptr new_context(const SSL_METHOD* method, int min_protocol) {
    ssl_ctx_ptr context(SSL_CTX_new(method));
    demand(context != nullptr, "cannot make a TLS context");
    auto* ctx = context.get();
    SSL_CTX_set_security_level(ctx, 2);
    demand(SSL_CTX_set_min_proto_version(ctx, min_protocol) == 1, "cannot set the TLS version");
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, read_buffer);
    return context;
}

core::result<void> present(SSL_CTX& context, const key_pair& identity) {
    if (SSL_CTX_use_certificate(&context, identity.chain.front().get()) != 1) {
        return core::error{"the certificate is not acceptable: " + take_error("unknown reason")};
    }
    for (std::size_t i = 1; i < identity.chain.size(); ++i) {
        if (SSL_CTX_add1_chain_cert(&context, identity.chain[i].get()) != 1) {
            return core::error{"certificate " + std::to_string(i + 1) +
                               " of the chain is not acceptable: " + take_error("unknown reason")};
        }
    }
    if (SSL_CTX_use_PrivateKey(&context, identity.key.get()) != 1) {
        return core::error{"the private key is not acceptable: " + take_error("unknown reason")};
    }
    return {};
}

void trust_only(SSL_CTX& context, const std::vector<x509_ptr>& anchors) {
    auto* store = SSL_CTX_get_cert_store(&context); // empty: no default paths are ever loaded
    for (const auto& anchor : anchors) {
        demand(X509_STORE_add_cert(store, anchor.get()) == 1, "cannot add a trust anchor");
    }
}

} // namespace roachpin::tls
