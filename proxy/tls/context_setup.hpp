#pragma once

#include "core/error.hpp"
#include "tls/credentials.hpp"

/// What both sides' contexts have in common.
namespace roachpin::tls {

/// Security level 2, no compression, no renegotiation, no resumption, buffers released while idle,
/// partial writes from moving buffers. Throws `failure`.
ssl_ctx_ptr new_context(const SSL_METHOD* method, int min_protocol);

/// The certificate, its chain and key this side presents.
core::result<void> present(SSL_CTX& context, const key_pair& identity);

/// Makes `anchors` the only certificates the context trusts.
void trust_only(SSL_CTX& context, const std::vector<x509_ptr>& anchors);

} // namespace roachpin::tls
