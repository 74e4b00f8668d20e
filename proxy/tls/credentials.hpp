#pragma once

#include "core/error.hpp"
#include "tls/handles.hpp"

#include <string>
#include <vector>

/// Certificates, keys and revocation lists, read from PEM files. Every error is a sentence that
/// names the file.
namespace roachpin::tls {

/// A certificate chain, leaf first, and the leaf's private key.
struct key_pair {
    std::vector<x509_ptr> chain;
    evp_pkey_ptr key;
};

/// Roots that may be trusted: at least one certificate, at least one of them self-signed, since an
/// intermediate alone is no anchor.
core::result<std::vector<x509_ptr>> load_anchors(const std::string& file);

/// The first certificate of the file, without a word on whether it may be trusted.
core::result<x509_ptr> load_certificate(const std::string& file);

/// At least one CRL.
core::result<std::vector<x509_crl_ptr>> load_crls(const std::string& file);

/// The key must belong to the first certificate. Encrypted keys are refused: a daemon has nobody
/// to ask for the passphrase.
core::result<key_pair> load_key_pair(const std::string& cert_file, const std::string& key_file);

} // namespace roachpin::tls
