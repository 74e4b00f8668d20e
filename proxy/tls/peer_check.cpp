#include "tls/peer_check.hpp"

#include "tls/certificate.hpp"
#include "tls/library.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <array>

namespace roachpin::tls {
namespace {

peer_fault fault_of(int verify_error) {
    switch (verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return peer_fault::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return peer_fault::not_yet_valid;
    case X509_V_ERR_INVALID_PURPOSE:
        return peer_fault::wrong_purpose;
    case X509_V_ERR_CERT_REVOKED:
        return peer_fault::revoked;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
    case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_UNSUPPORTED_EXTENSION_FEATURE:
    case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
        return peer_fault::crl_unusable;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return peer_fault::weak;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        return peer_fault::untrusted_chain;
    default:
        return peer_fault::verification_failed;
    }
}

bool any_matches(const std::vector<core::spki_pin>& keys, const std::vector<core::spki_pin>& pins) {
    return std::any_of(keys.begin(), keys.end(), [&](const auto& key) {
        return std::find(pins.begin(), pins.end(), key) != pins.end();
    });
}

std::string list_of(const std::vector<core::spki_pin>& keys) {
    std::string text;
    for (const auto& key : keys) {
        text += (text.empty() ? "" : ", ") + key.to_base64();
    }
    return text;
}

std::string_view name_of(core::tls_version version) {
    return version == core::tls_version::v1_3 ? "TLS 1.3" : "TLS 1.2";
}

/// What OpenSSL refused by itself, before or after the certificates were judged.
peer_fault handshake_fault(int reason) {
    switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_VERSION_TOO_LOW:
        return peer_fault::tls_version;
    case SSL_R_DH_KEY_TOO_SMALL:
    case SSL_R_EE_KEY_TOO_SMALL:
    case SSL_R_CA_KEY_TOO_SMALL:
    case SSL_R_CA_MD_TOO_WEAK:
        return peer_fault::weak;
    case SSL_R_BAD_SIGNATURE: // whoever sent the certificate does not have its key
        return peer_fault::verification_failed;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
    case SSL_R_DATA_LENGTH_TOO_LONG:
    case SSL_R_RECORD_TOO_SMALL:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_UNEXPECTED_RECORD:
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_LENGTH_MISMATCH:
    case SSL_R_INVALID_ALERT:
    case SSL_R_UNKNOWN_ALERT_TYPE:
        return peer_fault::not_tls;
    default:
        break;
    }
    const bool alert = reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256;
    return alert ? peer_fault::tls_alert : peer_fault::verification_failed;
}

/// RFC 8446 section 6.2: what a server says of the certificate of its client.
bool is_about_certificate(int alert) {
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

/// The certificates of `shown` are the connection's own: what stands there now, it keeps.
void share_certificates(shared_certificates& known, X509_STORE_CTX& store) {
    auto* shown = X509_STORE_CTX_get0_untrusted(&store);
    if (shown != nullptr && sk_X509_num(shown) > 0) {
        known.substitute(*shown);
        X509_STORE_CTX_set_cert(&store, sk_X509_value(shown, 0));
    }
}

} // namespace

std::string_view to_string(peer_fault fault) {
    switch (fault) {
    case peer_fault::not_tls:
        return "not_tls";
    case peer_fault::tls_version:
        return "tls_version";
    case peer_fault::tls_alert:
        return "tls_alert";
    case peer_fault::untrusted_chain:
        return "untrusted_chain";
    case peer_fault::weak:
        return "weak";
    case peer_fault::expired:
        return "expired";
    case peer_fault::not_yet_valid:
        return "not_yet_valid";
    case peer_fault::wrong_purpose:
        return "wrong_purpose";
    case peer_fault::leaf_is_ca:
        return "leaf_is_ca";
    case peer_fault::wrong_name:
        return "wrong_name";
    case peer_fault::revoked:
        return "revoked";
    case peer_fault::crl_unusable:
        return "crl_unusable";
    case peer_fault::pin_mismatch:
        return "pin_mismatch";
    case peer_fault::pin_revoked:
        return "pin_revoked";
    case peer_fault::issuer_changed:
        return "issuer_changed";
    case peer_fault::verification_failed:
        break;
    }
    return "verification_failed";
}

/// OpenSSL calls this in place of its own verification, once the node's certificates are there.
int verify_peer(X509_STORE_CTX* store, void*) {
    auto* tls =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* check = static_cast<peer_check*>(SSL_get_app_data(tls));
    if (check == nullptr) {
        return 0; // a node that shows certificates after its handshake: nobody judges them
    }
    try {
        auto& shared = check->context_.certificates();
        share_certificates(shared, *store);
        check->refusal_ = check->judge(*store);
        if (!check->refusal_) {
            shared.keep(*X509_STORE_CTX_get0_chain(store));
        }
    } catch (const std::exception& problem) { // no exception may cross OpenSSL
        check->refusal_ = {peer_fault::verification_failed, "a chain that can be judged",
                           problem.what()};
    }
    check->judged_ = true;
    if (!check->refusal_) {
        return 1;
    }
    if (X509_STORE_CTX_get_error(store) == X509_V_OK) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    }
    return 0;
}

void install_peer_check(SSL_CTX& context) {
    SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(&context, verify_peer, nullptr);
}

peer_check::peer_check(const upstream_context& context, core::host_name host,
                       std::vector<core::spki_pin> node_pins,
                       std::vector<core::spki_pin> issuer_pins)
    : context_(context), host_(std::move(host)), node_pins_(std::move(node_pins)),
      issuer_pins_(std::move(issuer_pins)) {}

peer_check::peer_check(const upstream_context& context, core::host_name host,
                       std::vector<core::spki_pin> node_pins,
                       std::vector<core::spki_pin> issuer_pins, int fd)
    : peer_check(context, std::move(host), std::move(node_pins), std::move(issuer_pins)) {
    tls_ = context.new_connection(fd);
    SSL_set_app_data(tls_.get(), this);
    if (!host_.ip()) { // an IP literal is no server_name (RFC 6066 section 3)
        demand(SSL_set_tlsext_host_name(tls_.get(), host_.text().c_str()) == 1, "cannot set SNI");
    }
}

handshake_progress peer_check::advance() {
    forget_errors();
    const int status = SSL_do_handshake(tls_.get());
    return status == 1 ? conclude() : explain(status);
}

std::optional<peer_refusal> peer_check::judge_again(const upstream_context& context,
                                                    core::host_name host,
                                                    std::vector<core::spki_pin> node_pins,
                                                    std::vector<core::spki_pin> issuer_pins,
                                                    const SSL& established) {
    if (SSL_version(&established) < context.lowest_protocol()) {
        return peer_refusal{peer_fault::tls_version,
                            std::string(name_of(context.min_version())) + " or newer (min_tls)",
                            SSL_get_version(&established)};
    }
    const peer_check check(context, std::move(host), std::move(node_pins), std::move(issuer_pins));
    forget_errors();
    const auto store = context.new_judgement(established);
    auto refused = check.judge(*store);
    forget_errors();
    return refused;
}

std::optional<peer_refusal> peer_check::judge(X509_STORE_CTX& store) const {
    if (X509_verify_cert(&store) != 1) {
        return chain_refusal(store);
    }
    const auto* chain = X509_STORE_CTX_get0_chain(&store);
    if (auto refused = judge_leaf(*sk_X509_value(chain, 0))) {
        return refused;
    }
    return judge_pins(chain);
}

peer_refusal peer_check::chain_refusal(X509_STORE_CTX& store) const {
    const int error = X509_STORE_CTX_get_error(&store);
    const auto* certificate = X509_STORE_CTX_get_current_cert(&store);
    const auto fault = fault_of(error);
    std::string presented = X509_verify_cert_error_string(error);
    if (certificate != nullptr) {
        presented += ": " + subject_of(*certificate) + ", issued by " + issuer_of(*certificate) +
                     issuer_key_of(*certificate) + ", valid " +
                     to_string(not_before_of(*certificate)) + " to " +
                     to_string(not_after_of(*certificate));
    }
    switch (fault) {
    case peer_fault::expired:
    case peer_fault::not_yet_valid:
        return {fault, "certificates that are valid now", presented};
    case peer_fault::wrong_purpose:
        return {fault, "a certificate for serverAuth", presented};
    case peer_fault::weak:
        return {fault, "keys and digests of OpenSSL security level 2", presented};
    case peer_fault::revoked:
        return {fault, "a certificate that crl_file does not revoke", presented};
    case peer_fault::crl_unusable:
        return {fault, "a valid CRL in crl_file for every issuer of the chain", presented};
    default:
        return {fault, "a chain to " + context_.anchor_names() + " (ca_file)", presented};
    }
}

std::optional<peer_refusal> peer_check::judge_leaf(const X509& leaf) const {
    if (!allows_server_auth(leaf)) {
        return peer_refusal{peer_fault::wrong_purpose, "extendedKeyUsage serverAuth",
                            subject_of(leaf) + " without it"};
    }
    if (may_sign(leaf)) {
        return peer_refusal{peer_fault::leaf_is_ca, "a certificate that is no authority",
                            subject_of(leaf) + ", which may sign certificates"};
    }
    if (!carries(leaf, host_)) {
        return peer_refusal{peer_fault::wrong_name, host_.text() + " among the SANs",
                            names_of(leaf) + " (" + subject_of(leaf) +
                                "; the CN is not looked at)"};
    }
    return std::nullopt;
}

std::optional<peer_refusal> peer_check::judge_pins(const STACK_OF(X509) * chain) const {
    std::vector<core::spki_pin> keys;
    keys.reserve(static_cast<std::size_t>(sk_X509_num(chain)));
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        keys.push_back(spki_of(*sk_X509_value(chain, i)));
    }
    for (const auto* pins : {&context_.pins(), &node_pins_}) {
        if (!pins->empty() && !any_matches(keys, *pins)) {
            return peer_refusal{peer_fault::pin_mismatch, "a key of " + list_of(*pins),
                                list_of(keys)};
        }
    }
    if (any_matches(keys, context_.revoked())) {
        return peer_refusal{peer_fault::pin_revoked, "no key of " + list_of(context_.revoked()),
                            list_of(keys)};
    }
    // Who signed the leaf, and nobody further up: every chain ends at the same few roots.
    std::vector<core::spki_pin> issuers;
    if (keys.size() > 1) {
        issuers.push_back(keys[1]);
    }
    if (!issuer_pins_.empty() && !any_matches(issuers, issuer_pins_)) {
        return peer_refusal{peer_fault::issuer_changed,
                            "an issuer with a key of " + list_of(issuer_pins_) +
                                " (roachpin.lock; after review: roachpin pin --update)",
                            issuers.empty() ? "a leaf that is its own issuer" : list_of(issuers)};
    }
    return std::nullopt;
}

/// Sorts what OpenSSL reports into wait, refusal, and a connection that ended.
handshake_progress peer_check::explain(int status) {
    const int error = SSL_get_error(tls_.get(), status);
    if (error == SSL_ERROR_WANT_READ) {
        return wants_read{};
    }
    if (error == SSL_ERROR_WANT_WRITE) {
        return wants_write{};
    }
    if (refusal_) {
        ERR_clear_error();
        return *refusal_;
    }
    if (error == SSL_ERROR_SYSCALL) {
        auto cut = core::system_error("the node broke the TLS handshake off");
        return handshake_cut{std::move(cut.sentence), cut.cause};
    }
    const auto first = ERR_peek_error();
    const int reason = ERR_GET_LIB(first) == ERR_LIB_SSL ? ERR_GET_REASON(first) : 0;
    auto text = take_error("the handshake failed");
    if (error == SSL_ERROR_ZERO_RETURN || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return handshake_cut{"the node closed the connection during the TLS handshake"};
    }
    const auto fault = handshake_fault(reason);
    if (fault == peer_fault::tls_alert && is_about_certificate(reason - SSL_AD_REASON_OFFSET)) {
        text += ": the node does not take the certificate it was shown (cluster.client_cert_file)";
    }
    if (fault == peer_fault::tls_version) {
        const std::string wanted(name_of(context_.min_version()));
        return peer_refusal{fault, wanted + " or newer (min_tls)", text};
    }
    return peer_refusal{fault, "a TLS handshake to completion", text};
}

handshake_progress peer_check::conclude() {
    // None of this can happen: sessions are never resumed and the callback is always installed. A
    // connection nobody judged must still never pass.
    auto* tls = tls_.get();
    const auto* leaf = SSL_get0_peer_certificate(tls);
    if (!judged_ || refusal_ || leaf == nullptr || SSL_session_reused(tls) == 1 ||
        SSL_get_verify_result(tls) != X509_V_OK) {
        return peer_refusal{peer_fault::verification_failed,
                            "a certificate judged on this "
                            "connection",
                            "a handshake that ended without a verdict"};
    }
    peer_facts facts{host_,          subject_of(*leaf),   issuer_of(*leaf),
                     spki_of(*leaf), not_after_of(*leaf), SSL_get_version(tls)};
    const auto* chain = SSL_get0_verified_chain(tls);
    for (int i = 1; i < sk_X509_num(chain); ++i) { // -1 where there is none
        facts.issuer_keys.push_back(spki_of(*sk_X509_value(chain, i)));
    }
    SSL_set_app_data(tls, nullptr); // the check may go, the connection stays
    return verified_peer(std::move(tls_), std::move(facts));
}

} // namespace roachpin::tls
