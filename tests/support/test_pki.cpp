#include "support/test_pki.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <stdexcept>
#include <utility>

namespace roachpin::test {

namespace {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* pointer) const {
        Free(pointer);
    }
};

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;
using bignum_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;
using integer_ptr = std::unique_ptr<ASN1_INTEGER, freed_by<ASN1_INTEGER_free>>;
using name_ptr = std::unique_ptr<GENERAL_NAME, freed_by<GENERAL_NAME_free>>;
using names_ptr = std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using crl_ptr = std::unique_ptr<X509_CRL, freed_by<X509_CRL_free>>;
using revoked_ptr = std::unique_ptr<X509_REVOKED, freed_by<X509_REVOKED_free>>;
using time_ptr = std::unique_ptr<ASN1_TIME, freed_by<ASN1_TIME_free>>;

[[noreturn]] void refuse(const char* doing) {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    ERR_clear_error();
    throw std::runtime_error{std::string{doing} + ": " + text.data()};
}

void require(bool good, const char* doing) {
    if (!good)
        refuse(doing);
}

template <class T>
T* require(T* pointer, const char* doing) {
    if (pointer == nullptr)
        refuse(doing);
    return pointer;
}

/// OpenSSL hands out most lengths as int and takes them so.
int as_int(std::size_t size) {
    return static_cast<int>(size);
}

std::string pem_text(const auto& write) {
    const bio_ptr memory{require(BIO_new(BIO_s_mem()), "memory")};
    require(write(memory.get()) == 1, "writing PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string to_pem(X509* certificate) {
    return pem_text([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

std::string to_pem(EVP_PKEY* key) {
    return pem_text([&](BIO* out) {
        return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
}

key_ptr make_key(key_type type) {
    switch (type) {
    case key_type::ec_p256:
        return key_ptr{require(EVP_EC_gen("P-256"), "making a P-256 key")};
    case key_type::rsa_2048:
        return key_ptr{require(EVP_RSA_gen(2048), "making an RSA key")};
    case key_type::rsa_1024:
        return key_ptr{require(EVP_RSA_gen(1024), "making an RSA key")};
    }
    throw std::invalid_argument{"unknown key type"};
}

const EVP_MD* digest_of(signature_digest digest) {
    return digest == signature_digest::sha1 ? EVP_sha1() : EVP_sha256();
}

std::string random_serial() {
    std::array<unsigned char, 16> bytes{};
    require(RAND_bytes(bytes.data(), as_int(bytes.size())) == 1, "random serial");
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40); // positive, no leading zero

    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    for (const auto byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

integer_ptr to_integer(const std::string& hexadecimal) {
    BIGNUM* parsed = nullptr;
    if (BN_hex2bn(&parsed, hexadecimal.c_str()) != as_int(hexadecimal.size())) {
        BN_free(parsed);
        throw std::runtime_error{"a serial number is hexadecimal, not '" + hexadecimal + "'"};
    }
    const bignum_ptr number{parsed};
    return integer_ptr{require(BN_to_ASN1_INTEGER(number.get(), nullptr), "serial number")};
}

time_ptr time_from_now(std::chrono::seconds offset) {
    // X509_time_adj_ex splits days off so that a 32-bit long never matters.
    const auto days = std::chrono::floor<std::chrono::days>(offset);
    return time_ptr{
        require(ASN1_TIME_adj(nullptr, std::time(nullptr), static_cast<int>(days.count()),
                              static_cast<long>((offset - days).count())),
                "time")};
}

void set_subject(X509* certificate, const certificate_request& request) {
    X509_NAME* const name = X509_get_subject_name(certificate);
    const auto add = [&](const char* field, const std::string& value) {
        require(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                           reinterpret_cast<const unsigned char*>(value.data()),
                                           as_int(value.size()), -1, 0) == 1,
                "subject");
    };
    if (!request.organization.empty())
        add("O", request.organization);
    if (!request.common_name.empty())
        add("CN", request.common_name);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const extension_ptr extension{
        require(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), "extension")};
    require(X509_add_ext(certificate, extension.get(), -1) == 1, "adding an extension");
}

/// Built by hand, not by OpenSSL's configuration words: those would read a comma or a NUL in a name
/// in their own way, and they refuse some of what a hostile certificate may contain.
void add_subject_alternative_names(X509* certificate, const certificate_request& request) {
    if (request.dns_sans.empty() && request.ip_sans.empty())
        return;

    const names_ptr names{require(GENERAL_NAMES_new(), "names")};
    const auto add = [&](int type, ASN1_STRING* value) {
        name_ptr name{require(GENERAL_NAME_new(), "name")};
        GENERAL_NAME_set0_value(name.get(), type, value);
        require(sk_GENERAL_NAME_push(names.get(), name.get()) > 0, "name");
        std::ignore = name.release();
    };

    for (const auto& text : request.dns_sans) {
        ASN1_STRING* const value = require(ASN1_STRING_type_new(V_ASN1_IA5STRING), "dNSName");
        require(ASN1_STRING_set(value, text.data(), as_int(text.size())) == 1, "dNSName");
        add(GEN_DNS, value);
    }
    for (const auto& text : request.ip_sans) {
        ASN1_OCTET_STRING* const value = a2i_IPADDRESS(text.c_str());
        if (value == nullptr)
            throw std::runtime_error{"not an IP address: '" + text + "'"};
        add(GEN_IPADD, value);
    }
    require(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1,
            "subjectAltName");
}

const char* eku_words(extended_key_usage eku) {
    switch (eku) {
    case extended_key_usage::none:
        return nullptr;
    case extended_key_usage::server:
        return "serverAuth";
    case extended_key_usage::client:
        return "clientAuth";
    case extended_key_usage::server_and_client:
        return "serverAuth,clientAuth";
    case extended_key_usage::any:
        return "anyExtendedKeyUsage";
    }
    throw std::invalid_argument{"unknown extended key usage"};
}

std::string basic_constraints_words(const certificate_request& request) {
    std::string words = request.basic_constraints_critical ? "critical," : "";
    words += request.is_ca ? "CA:TRUE" : "CA:FALSE";
    if (request.is_ca && request.path_length)
        words += ",pathlen:" + std::to_string(*request.path_length);
    return words;
}

std::string key_usage_words(const certificate_request& request) {
    if (request.key_usage)
        return *request.key_usage;
    return request.is_ca ? "critical,keyCertSign,cRLSign,digitalSignature"
                         : "critical,digitalSignature,keyEncipherment";
}

struct certified_key {
    certificate_ptr certificate;
    key_ptr key;
};

/// `issuer` and `issuer_key` are null for a self-signed certificate.
certified_key certify(const certificate_request& request, X509* issuer, EVP_PKEY* issuer_key) {
    certified_key made{certificate_ptr{require(X509_new(), "certificate")}, make_key(request.key)};
    X509* const certificate = made.certificate.get();

    require(X509_set_version(certificate, X509_VERSION_3) == 1, "version");
    const auto serial = to_integer(request.serial.empty() ? random_serial() : request.serial);
    require(X509_set_serialNumber(certificate, serial.get()) == 1, "serial number");
    require(X509_set1_notBefore(certificate, time_from_now(request.not_before).get()) == 1,
            "not before");
    require(X509_set1_notAfter(certificate, time_from_now(request.not_after).get()) == 1,
            "not after");
    set_subject(certificate, request);
    require(X509_set_issuer_name(certificate,
                                 X509_get_subject_name(issuer ? issuer : certificate)) == 1,
            "issuer");
    require(X509_set_pubkey(certificate, made.key.get()) == 1, "public key");

    X509* const signer = issuer ? issuer : certificate;
    if (request.basic_constraints)
        add_extension(certificate, signer, NID_basic_constraints, basic_constraints_words(request));
    if (const auto words = key_usage_words(request); !words.empty())
        add_extension(certificate, signer, NID_key_usage, words);
    if (const char* const words = eku_words(request.eku))
        add_extension(certificate, signer, NID_ext_key_usage, words);
    add_subject_alternative_names(certificate, request);
    add_extension(certificate, signer, NID_subject_key_identifier, "hash");
    if (issuer)
        add_extension(certificate, signer, NID_authority_key_identifier, "keyid");

    EVP_PKEY* const signing_key = issuer_key ? issuer_key : made.key.get();
    require(X509_sign(certificate, signing_key, digest_of(request.digest)) > 0, "signing");
    return made;
}

std::string serial_of(X509* certificate) {
    const bignum_ptr number{
        require(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr), "serial")};
    char* const text = require(BN_bn2hex(number.get()), "serial number");
    std::string copy{text};
    OPENSSL_free(text);
    return copy;
}

} // namespace

struct certificate_authority::state {
    certified_key own;
    std::string pem;
    std::string chain_pem; // own certificate and those above, without the root; a root's is empty
};

certificate_authority::certificate_authority(std::unique_ptr<state> made)
    : state_{std::move(made)} {}

certificate_authority::certificate_authority(std::string common_name)
    : certificate_authority{root(authority_request(std::move(common_name)))} {}

certificate_authority::certificate_authority(certificate_authority&&) noexcept = default;
certificate_authority& certificate_authority::operator=(certificate_authority&&) noexcept = default;
certificate_authority::~certificate_authority() = default;

certificate_authority certificate_authority::root(certificate_request request) {
    auto made = std::make_unique<state>();
    made->own = certify(request, nullptr, nullptr);
    made->pem = to_pem(made->own.certificate.get());
    return certificate_authority{std::move(made)};
}

certificate_authority certificate_authority::intermediate(const certificate_authority& issuer,
                                                          certificate_request request) {
    auto made = std::make_unique<state>();
    made->own =
        certify(request, issuer.state_->own.certificate.get(), issuer.state_->own.key.get());
    made->pem = to_pem(made->own.certificate.get());
    made->chain_pem = made->pem + issuer.state_->chain_pem;
    return certificate_authority{std::move(made)};
}

identity certificate_authority::issue(const certificate_request& request) const {
    const auto made = certify(request, state_->own.certificate.get(), state_->own.key.get());
    return {to_pem(made.certificate.get()), to_pem(made.key.get()), state_->chain_pem,
            serial_of(made.certificate.get())};
}

std::string certificate_authority::crl(const std::vector<std::string>& revoked_serials,
                                       std::chrono::seconds this_update,
                                       std::chrono::seconds next_update) const {
    const crl_ptr list{require(X509_CRL_new(), "CRL")};
    X509* const issuer = state_->own.certificate.get();
    require(X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) == 1, "CRL version");
    require(X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer)) == 1, "CRL issuer");
    const auto since = time_from_now(this_update);
    require(X509_CRL_set1_lastUpdate(list.get(), since.get()) == 1, "CRL this update");
    require(X509_CRL_set1_nextUpdate(list.get(), time_from_now(next_update).get()) == 1,
            "CRL next update");

    for (const auto& serial : revoked_serials) {
        revoked_ptr entry{require(X509_REVOKED_new(), "CRL entry")};
        require(X509_REVOKED_set_serialNumber(entry.get(), to_integer(serial).get()) == 1,
                "CRL entry");
        require(X509_REVOKED_set_revocationDate(entry.get(), since.get()) == 1, "CRL entry");
        require(X509_CRL_add0_revoked(list.get(), entry.get()) == 1, "CRL entry");
        std::ignore = entry.release();
    }

    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, nullptr, nullptr, list.get(), 0);
    const extension_ptr key_id{require(
        X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid"), "AKI")};
    require(X509_CRL_add_ext(list.get(), key_id.get(), -1) == 1, "CRL authority key id");
    const auto number = to_integer("01");
    require(X509_CRL_add1_ext_i2d(list.get(), NID_crl_number, number.get(), 0, 0) == 1,
            "CRL number");

    require(X509_CRL_sort(list.get()) == 1, "CRL order");
    require(X509_CRL_sign(list.get(), state_->own.key.get(), EVP_sha256()) > 0, "CRL signature");
    return pem_text([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); });
}

const std::string& certificate_authority::certificate_pem() const {
    return state_->pem;
}

identity self_signed(const certificate_request& request) {
    const auto made = certify(request, nullptr, nullptr);
    return {to_pem(made.certificate.get()),
            to_pem(made.key.get()),
            {},
            serial_of(made.certificate.get())};
}

std::string spki_sha256_base64(std::string_view pem) {
    const bio_ptr memory{require(BIO_new_mem_buf(pem.data(), as_int(pem.size())), "memory")};
    const certificate_ptr certificate{
        require(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr), "reading PEM")};

    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
    require(size > 0, "public key");
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned digest_size = 0;
    const int hashed = EVP_Digest(der, static_cast<std::size_t>(size), digest.data(), &digest_size,
                                  EVP_sha256(), nullptr);
    OPENSSL_free(der);
    require(hashed == 1, "SHA-256");

    std::array<unsigned char, 64> text{};
    const int text_size =
        EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest_size));
    return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(text_size)};
}

certificate_request authority_request(std::string common_name) {
    certificate_request request;
    request.common_name = std::move(common_name);
    request.is_ca = true;
    request.path_length = 1;
    request.eku = extended_key_usage::none;
    request.not_after = std::chrono::hours{24 * 365};
    return request;
}

} // namespace roachpin::test
