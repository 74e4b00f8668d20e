#include "tls/local_certificate.hpp"

#include "tls/certificate.hpp"
#include "tls/library.hpp"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>

namespace roachpin::tls {
namespace {

using namespace std::chrono_literals;

constexpr auto clock_skew = 1h;
constexpr auto lifetime = 24h * 3650;

void add_extension(X509& certificate, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
    const x509_extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    demand(extension && X509_add_ext(&certificate, extension.get(), -1) == 1,
           "cannot make an extension of the local certificate");
}

void set_random_serial(X509& certificate) {
    std::array<unsigned char, 16> serial{};
    demand(RAND_bytes(serial.data(), serial.size()) == 1, "no randomness");
    const std::unique_ptr<BIGNUM, deleter<BN_free>> number(
        BN_bin2bn(serial.data(), serial.size(), nullptr));
    demand(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)),
           "cannot set a serial number");
}

void set_name(X509& certificate) {
    auto* name = X509_get_subject_name(&certificate);
    const auto* common_name = reinterpret_cast<const unsigned char*>("roachpin local");
    demand(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
               X509_set_issuer_name(&certificate, name) == 1,
           "cannot name the local certificate");
}

void set_dates(X509& certificate, std::chrono::system_clock::time_point now) {
    const auto from = std::chrono::system_clock::to_time_t(now - clock_skew);
    const auto until = std::chrono::system_clock::to_time_t(now + lifetime);
    demand(ASN1_TIME_set(X509_getm_notBefore(&certificate), from) &&
               ASN1_TIME_set(X509_getm_notAfter(&certificate), until),
           "cannot date the local certificate");
}

std::string names(const std::optional<core::ip_address>& also) {
    std::string text = "DNS:localhost,IP:127.0.0.1,IP:::1";
    const auto own = also && !also->is_unspecified() ? ",IP:" + also->to_string() : "";
    return text.find(own) == std::string::npos ? text + own : text;
}

} // namespace

key_pair make_local_certificate(const std::optional<core::ip_address>& also,
                                std::chrono::system_clock::time_point now) {
    key_pair made;
    made.key.reset(EVP_EC_gen("P-256"));
    x509_ptr certificate(X509_new());
    demand(made.key && certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1,
           "cannot make the local certificate");
    set_random_serial(*certificate);
    set_name(*certificate);
    set_dates(*certificate, now);
    demand(X509_set_pubkey(certificate.get(), made.key.get()) == 1, "cannot set the local key");
    add_extension(*certificate, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(*certificate, NID_key_usage, "critical,digitalSignature");
    add_extension(*certificate, NID_ext_key_usage, "serverAuth");
    add_extension(*certificate, NID_subject_alt_name, names(also));
    demand(X509_sign(certificate.get(), made.key.get(), EVP_sha256()) > 0,
           "cannot sign the local certificate");
    made.chain.push_back(std::move(certificate));
    return made;
}

std::string to_pem(const X509& certificate) {
    const bio_ptr bio(BIO_new(BIO_s_mem()));
    demand(bio && PEM_write_bio_X509(bio.get(), &certificate) == 1, "cannot write a certificate");
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

} // namespace roachpin::tls
