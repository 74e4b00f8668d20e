#pragma once

#include "core/spki_pin.hpp"
#include "core/tls_version.hpp"
#include "tls/credentials.hpp"
#include "tls/shared_certificates.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace roachpin::tls {

/// What every node of the cluster must prove, and what is shown to it.
struct upstream_options {
    std::vector<x509_ptr> anchors;       ///< the only trust anchors; never the system's
    std::vector<x509_crl_ptr> crls;      ///< with any, every certificate below a root needs one
    std::vector<core::spki_pin> pins;    ///< with any, some certificate of the chain must match
    std::vector<core::spki_pin> revoked; ///< no certificate of the chain may match
    core::tls_version min_version = core::tls_version::v1_2;
    std::optional<key_pair> client; ///< presented to the nodes
};

/// The TLS configuration of all dials. Safe to share between threads: nothing that decides changes
/// once it is made.
class upstream_context {
public:
    /// Fails where the client certificate and the other parts cannot be put together.
    static core::result<upstream_context> make(upstream_options options);

    /// A client-side SSL over `fd` (which stays the caller's), nothing sent yet. To be used by
    /// `peer_check` alone, which brings the verification.
    ssl_ptr new_connection(int fd) const;

    /// What the verification of a handshake begins with, for the certificates that a node showed on
    /// `established`, a connection of whatever context. To be used by `peer_check` alone.
    x509_store_ctx_ptr new_judgement(const SSL& established) const;

    /// `min_version` as OpenSSL numbers it.
    int lowest_protocol() const;

    shared_certificates& certificates() const { return *certificates_; }

    const std::vector<core::spki_pin>& pins() const { return pins_; }

    const std::vector<core::spki_pin>& revoked() const { return revoked_; }

    core::tls_version min_version() const { return min_version_; }

    /// "CN=Cockroach CA,O=Cockroach (key 1a2b3c4d5e6f7a8b)", for the sentence of a refusal.
    const std::string& anchor_names() const { return anchor_names_; }

private:
    upstream_context() = default;

    ssl_ctx_ptr context_;
    std::unique_ptr<shared_certificates> certificates_ = std::make_unique<shared_certificates>();
    std::vector<core::spki_pin> pins_;
    std::vector<core::spki_pin> revoked_;
    core::tls_version min_version_ = core::tls_version::v1_2;
    std::string anchor_names_;
};

} // namespace roachpin::tls
