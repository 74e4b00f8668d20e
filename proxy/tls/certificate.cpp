#include "tls/certificate.hpp"

#include "core/printable.hpp"
#include "tls/library.hpp"

#include <openssl/bio.h>

#include <array>
#include <ctime>
#include <optional>
#include <utility>

namespace roachpin::tls {
namespace {

std::string text_of(const X509_NAME* name) {
    const bio_ptr bio(BIO_new(BIO_s_mem()));
    demand(bio != nullptr, "out of memory");
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return size > 0 ? core::printable({data, static_cast<std::size_t>(size)}) : "(empty)";
}

std::string_view octets_of(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string address_text(std::string_view octets) {
    if (octets.size() == 4) {
        std::array<std::uint8_t, 4> address{};
        std::copy(octets.begin(), octets.end(), address.begin());
        return core::ip_address::v4(address).to_string();
    }
    if (octets.size() == 16) {
        std::array<std::uint8_t, 16> address{};
        std::copy(octets.begin(), octets.end(), address.begin());
        return core::ip_address::v6(address).to_string();
    }
    return "malformed";
}

general_names_ptr alternative_names(const X509& certificate) {
    return general_names_ptr(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
}

/// A dNSName that spells an address is no address (and is never verified as one).
std::optional<core::host_name> host_in(const GENERAL_NAME* name) {
    int kind = 0;
    const auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(name, &kind));
    if (kind != GEN_DNS && kind != GEN_IPADD) {
        return std::nullopt;
    }
    const auto host = core::host_name::parse(kind == GEN_DNS ? std::string(octets_of(value))
                                                             : address_text(octets_of(value)));
    const bool is_what_it_says = host && host->ip().has_value() == (kind == GEN_IPADD);
    return is_what_it_says ? std::optional(*host) : std::nullopt;
}

std::string name_text(const GENERAL_NAME* name) {
    int kind = 0;
    const auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(name, &kind));
    switch (kind) {
    case GEN_DNS:
        return "DNS:" + core::printable(octets_of(value));
    case GEN_IPADD:
        return "IP:" + address_text(octets_of(value));
    default:
        return "another kind of name";
    }
}

std::string key_text(const ASN1_OCTET_STRING* identifier) {
    if (identifier == nullptr) {
        return "";
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = " (key ";
    for (const char c : octets_of(identifier).substr(0, 8)) {
        const auto octet = static_cast<unsigned char>(c);
        text += digits[octet >> 4U];
        text += digits[octet & 0xfU];
    }
    return text + ")";
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
    std::tm parts{};
    demand(ASN1_TIME_to_tm(time, &parts) == 1, "a certificate's date cannot be read");
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

} // namespace

std::string issuer_of(const X509_CRL& list) {
    return text_of(X509_CRL_get_issuer(&list));
}

std::optional<std::chrono::system_clock::time_point> next_update_of(const X509_CRL& list) {
    const auto* end = X509_CRL_get0_nextUpdate(&list);
    return end != nullptr ? std::optional(time_of(end)) : std::nullopt;
}

std::string subject_of(const X509& certificate) {
    return text_of(X509_get_subject_name(&certificate));
}

std::string issuer_of(const X509& certificate) {
    return text_of(X509_get_issuer_name(&certificate));
}

std::string subject_key_of(const X509& certificate) {
    return key_text(X509_get0_subject_key_id(const_cast<X509*>(&certificate)));
}

std::string issuer_key_of(const X509& certificate) {
    return key_text(X509_get0_authority_key_id(const_cast<X509*>(&certificate)));
}

std::string names_of(const X509& certificate) {
    const auto names = alternative_names(certificate);
    std::string text;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        text += (i == 0 ? "" : ", ") + name_text(sk_GENERAL_NAME_value(names.get(), i));
        if (text.size() > 512) {
            return text + ", …";
        }
    }
    return text.empty() ? "none" : text;
}

std::vector<core::host_name> hosts_of(const X509& certificate) {
    const auto names = alternative_names(certificate);
    std::vector<core::host_name> hosts;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        if (auto host = host_in(sk_GENERAL_NAME_value(names.get(), i))) {
            hosts.push_back(std::move(*host));
        }
    }
    return hosts;
}

core::spki_pin spki_of(const X509& certificate) {
    unsigned char* encoded = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &encoded);
    demand(size > 0, "a certificate's public key cannot be encoded");
    const std::unique_ptr<unsigned char, deleter<[](unsigned char* p) {
                              OPENSSL_free(p);
                          }>>
        owned(encoded);
    std::array<std::uint8_t, core::spki_pin::size> digest{};
    demand(EVP_Digest(encoded, static_cast<std::size_t>(size), digest.data(), nullptr, EVP_sha256(),
                      nullptr) == 1,
           "cannot hash a public key");
    return core::spki_pin(digest);
}

std::chrono::system_clock::time_point not_after_of(const X509& certificate) {
    return time_of(X509_get0_notAfter(&certificate));
}

std::chrono::system_clock::time_point not_before_of(const X509& certificate) {
    return time_of(X509_get0_notBefore(&certificate));
}

std::string to_string(std::chrono::system_clock::time_point time) {
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
    return text.data();
}

bool carries(const X509& certificate, const core::host_name& host) {
    auto* leaf = const_cast<X509*>(&certificate); // OpenSSL 3.0 caches parsed extensions in it
    if (const auto& ip = host.ip()) {
        return X509_check_ip(leaf, ip->octets().data(), ip->bits() / 8, 0) == 1;
    }
    constexpr unsigned flags =
        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    return X509_check_host(leaf, host.text().data(), host.text().size(), flags, nullptr) == 1;
}

bool allows_server_auth(const X509& certificate) {
    auto* leaf = const_cast<X509*>(&certificate);
    return (X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) != 0 &&
           (X509_get_extended_key_usage(leaf) & XKU_SSL_SERVER) != 0;
}

bool may_sign(const X509& certificate) {
    auto* leaf = const_cast<X509*>(&certificate);
    // X509_check_ca lets CA:TRUE pass where keyUsage leaves keyCertSign out.
    return X509_check_ca(leaf) != 0 || (X509_get_extension_flags(leaf) & EXFLAG_CA) != 0;
}

} // namespace roachpin::tls
