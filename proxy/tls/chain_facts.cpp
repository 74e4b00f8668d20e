#include "tls/chain_facts.hpp"

#include "tls/certificate.hpp"
#include "tls/library.hpp"

namespace roachpin::tls {
namespace {

/// Without the CN, as in the proof itself, and without wildcards, other than there.
bool names_itself(const X509& certificate, const core::host_name& host) {
    constexpr unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;
    const auto& text = host.text();
    return host.ip() || X509_check_host(const_cast<X509*>(&certificate), text.data(), text.size(),
                                        flags, nullptr) == 1;
}

std::string digest_of(const X509& certificate) {
    int digest = NID_undef;
    auto* leaf = const_cast<X509*>(&certificate); // OpenSSL 3.0 looks the signature up in it
    const bool known = X509_get_signature_info(leaf, &digest, nullptr, nullptr, nullptr) == 1;
    return known && digest != NID_undef ? OBJ_nid2sn(digest) : "";
}

const X509& first_to_end(const STACK_OF(X509) & chain) {
    const auto* first = sk_X509_value(&chain, 0);
    for (int i = 1; i < sk_X509_num(&chain); ++i) {
        const auto* next = sk_X509_value(&chain, i);
        first = not_after_of(*next) < not_after_of(*first) ? next : first;
    }
    return *first;
}

} // namespace

chain_facts facts_of(const SSL& proved, const core::host_name& host) {
    const auto* chain = SSL_get0_verified_chain(&proved);
    demand(chain != nullptr && sk_X509_num(chain) > 0, "a verified chain is missing");
    const auto& leaf = *sk_X509_value(chain, 0);
    const auto* key = X509_get0_pubkey(&leaf);
    demand(key != nullptr, "a certificate's public key cannot be read");
    const auto* kind = EVP_PKEY_get0_type_name(key);
    const auto& first = first_to_end(*chain);
    return {.subject = subject_of(leaf),
            .issuer = issuer_of(leaf),
            .names = names_of(leaf),
            .names_host = names_itself(leaf, host),
            .leaf_key = spki_of(leaf),
            .key_kind = kind != nullptr ? kind : "unknown",
            .key_bits = EVP_PKEY_get_bits(key),
            .digest = digest_of(leaf),
            .tls_version = SSL_get_version(&proved),
            .ends = not_after_of(first),
            .ends_first = subject_of(first)};
}

} // namespace roachpin::tls
