#include "tls/credentials.hpp"

#include "tls/library.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

namespace roachpin::tls {
namespace {

core::result<bio_ptr> open(const std::string& file) {
    bio_ptr bio(BIO_new_file(file.c_str(), "r"));
    if (!bio) {
        ERR_clear_error();
        return core::system_error("cannot read " + file);
    }
    return bio;
}

/// Whether reading stopped because there is no further PEM block, not because one is broken.
bool at_end_of_pem() {
    const auto error = ERR_peek_last_error();
    ERR_clear_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/// All PEM blocks `read` understands.
template <class Pointer, class Read>
core::result<std::vector<Pointer>> load_all(const std::string& file, const char* kind, Read read) {
    auto bio = open(file);
    if (!bio) {
        return bio.error();
    }
    ERR_clear_error();
    std::vector<Pointer> loaded;
    while (Pointer next{read(bio->get())}) {
        loaded.push_back(std::move(next));
    }
    if (!at_end_of_pem()) {
        return core::error{file + " holds a " + kind + " that cannot be read; it must be PEM"};
    }
    if (loaded.empty()) {
        return core::error{file + " holds no " + kind + " in PEM"};
    }
    return loaded;
}

core::result<std::vector<x509_ptr>> load_certificates(const std::string& file) {
    return load_all<x509_ptr>(file, "certificate", [](BIO* bio) {
        return PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    });
}

/// Refuses to answer instead of asking on the terminal.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

} // namespace

core::result<std::vector<x509_ptr>> load_anchors(const std::string& file) {
    auto anchors = load_certificates(file);
    if (!anchors) {
        return anchors;
    }
    const bool has_root = std::any_of(anchors->begin(), anchors->end(), [](const auto& anchor) {
        return X509_self_signed(anchor.get(), 1) == 1;
    });
    ERR_clear_error();
    if (!has_root) {
        return core::error{file + " holds no self-signed root; an intermediate certificate alone "
                                  "is no trust anchor"};
    }
    return anchors;
}

core::result<x509_ptr> load_certificate(const std::string& file) {
    auto all = load_certificates(file);
    if (!all) {
        return all.error();
    }
    return std::move(all->front());
}

core::result<std::vector<x509_crl_ptr>> load_crls(const std::string& file) {
    return load_all<x509_crl_ptr>(file, "CRL", [](BIO* bio) {
        return PEM_read_bio_X509_CRL(bio, nullptr, nullptr, nullptr);
    });
}

core::result<key_pair> load_key_pair(const std::string& cert_file, const std::string& key_file) {
    auto chain = load_certificates(cert_file);
    if (!chain) {
        return chain.error();
    }
    auto bio = open(key_file);
    if (!bio) {
        return bio.error();
    }
    evp_pkey_ptr key(PEM_read_bio_PrivateKey(bio->get(), nullptr, no_passphrase, nullptr));
    if (!key) {
        return core::error{key_file + " holds no private key in PEM that can be read without a " +
                           "passphrase (" + take_error("no key") + ")"};
    }
    if (X509_check_private_key(chain->front().get(), key.get()) != 1) {
        ERR_clear_error();
        return core::error{key_file + " is not the key of the first certificate in " + cert_file};
    }
    return key_pair{std::move(*chain), std::move(key)};
}

} // namespace roachpin::tls
