#pragma once

#include "support/test_pki.hpp"
#include "tls/credentials.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

/// The factory's texts as OpenSSL's objects, without the loaders of proxy/tls.
namespace roachpin::test {

inline tls::bio_ptr reader_of(const std::string& pem) {
    return tls::bio_ptr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

inline std::vector<tls::x509_ptr> certificates_of(const std::string& pem) {
    const auto reader = reader_of(pem);
    std::vector<tls::x509_ptr> all;
    while (tls::x509_ptr next{PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)}) {
        all.push_back(std::move(next));
    }
    ERR_clear_error();
    return all;
}

inline tls::x509_ptr certificate_of(const std::string& pem) {
    return std::move(certificates_of(pem).at(0));
}

inline std::vector<tls::x509_crl_ptr> crls_of(const std::string& pem) {
    const auto reader = reader_of(pem);
    std::vector<tls::x509_crl_ptr> all;
    while (tls::x509_crl_ptr next{PEM_read_bio_X509_CRL(reader.get(), nullptr, nullptr, nullptr)}) {
        all.push_back(std::move(next));
    }
    ERR_clear_error();
    return all;
}

inline tls::evp_pkey_ptr key_of(const std::string& pem) {
    return tls::evp_pkey_ptr(
        PEM_read_bio_PrivateKey(reader_of(pem).get(), nullptr, nullptr, nullptr));
}

inline tls::key_pair key_pair_of(const identity& presented) {
    return {certificates_of(presented.full_chain_pem()), key_of(presented.private_key_pem)};
}

inline std::string pem_of(const X509& certificate) {
    const tls::bio_ptr memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(memory.get(), &certificate);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

/// A key that claims to be `victim`'s and signs with `thief`'s; both are on P-256.
inline tls::evp_pkey_ptr key_with_public_part_of(const identity& victim, const identity& thief) {
    const auto whose = certificate_of(victim.certificate_pem);
    const auto key = key_of(thief.private_key_pem);
    std::array<unsigned char, 65> point{};
    std::size_t size = 0;
    EVP_PKEY_get_octet_string_param(X509_get0_pubkey(whose.get()), "pub", point.data(),
                                    point.size(), &size);
    BIGNUM* secret = nullptr;
    EVP_PKEY_get_bn_param(key.get(), "priv", &secret);
    const std::unique_ptr<OSSL_PARAM_BLD, tls::deleter<OSSL_PARAM_BLD_free>> parts(
        OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(parts.get(), "group", "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(parts.get(), "pub", point.data(), size);
    OSSL_PARAM_BLD_push_BN(parts.get(), "priv", secret);
    const std::unique_ptr<OSSL_PARAM, tls::deleter<OSSL_PARAM_free>> parameters(
        OSSL_PARAM_BLD_to_param(parts.get()));
    const std::unique_ptr<EVP_PKEY_CTX, tls::deleter<EVP_PKEY_CTX_free>> maker(
        EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY* made = nullptr;
    EVP_PKEY_fromdata_init(maker.get());
    EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_KEYPAIR, parameters.get());
    BN_clear_free(secret);
    if (made == nullptr) {
        throw std::runtime_error("cannot make the key");
    }
    return tls::evp_pkey_ptr(made);
}

/// `leaf` with its certificate changed in a way the factory has no word for, and signed again: by
/// `issuer`, which is a root.
template <class Change>
identity reissued(const identity& issuer, const identity& leaf, Change change) {
    const auto certificate = certificate_of(leaf.certificate_pem);
    const auto authority = certificate_of(issuer.certificate_pem);
    change(*certificate);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(authority.get()));
    if (X509_sign(certificate.get(), key_of(issuer.private_key_pem).get(), EVP_sha256()) <= 0) {
        throw std::runtime_error("cannot sign");
    }
    return {pem_of(*certificate), leaf.private_key_pem, {}, leaf.serial};
}

} // namespace roachpin::test
