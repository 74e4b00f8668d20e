#pragma once

#include "core/host_name.hpp"
#include "tls/upstream_context.hpp"
#include "tls/verified_peer.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace roachpin::tls {

/// Why a node did not prove itself. The phrases of `to_string` are labels in logs and metrics.
enum class peer_fault {
    not_tls,            ///< what came is no TLS
    tls_version,        ///< older than `min_tls`
    tls_alert,          ///< the node ended the handshake with an alert
    untrusted_chain,    ///< no chain to a root in ca_file
    weak,               ///< a key or digest below security level 2
    expired,            ///< some certificate of the chain is past its dates
    not_yet_valid,      ///< some certificate's dates have not begun
    wrong_purpose,      ///< the leaf does not carry extendedKeyUsage serverAuth
    leaf_is_ca,         ///< the leaf may sign certificates
    wrong_name,         ///< `host` is not among the SANs
    revoked,            ///< a CRL lists a certificate of the chain
    crl_unusable,       ///< a CRL is missing, expired, or not of this issuer
    pin_mismatch,       ///< no certificate of the chain has a pinned key
    pin_revoked,        ///< a certificate of the chain has a revoked key
    issuer_changed,     ///< nobody whom roachpin.lock names has issued the leaf
    verification_failed ///< anything else: refused because it is not understood
};

std::string_view to_string(peer_fault fault);

struct peer_refusal {
    peer_fault fault;
    std::string expected;
    std::string presented;
};

/// What a step of the handshake came to.
struct wants_read {};

struct wants_write {};

/// The connection ended under the handshake: the node is down rather than hostile.
struct handshake_cut {
    std::string sentence;
    boost::system::error_code cause{}; ///< the system's, where it was no orderly end
};

using handshake_progress =
    std::variant<wants_read, wants_write, verified_peer, peer_refusal, handshake_cut>;

/// One TLS handshake with a node, and the whole of SPEC's "What a node must prove" from the TLS
/// version on. The verdict falls inside the handshake, before the client certificate or anything
/// else of ours is sent.
///
/// `context` must outlive it. Stays at one address: OpenSSL's callback holds a pointer to it.
class peer_check {
public:
    /// `node_pins`: in addition to the context's; where both are given, both must be met.
    /// `issuer_pins`: where any are given, who issued the leaf must have one of them.
    peer_check(const upstream_context& context, core::host_name host,
               std::vector<core::spki_pin> node_pins, std::vector<core::spki_pin> issuer_pins,
               int fd);
    peer_check(const peer_check&) = delete;
    peer_check& operator=(const peer_check&) = delete;
    ~peer_check() = default;

    /// Goes on until the socket must be waited for. Not to be called again after a final result.
    handshake_progress advance();

    /// Whether a node that proved itself on `established` would prove itself today, under `context`
    /// and these pins, with the certificates it showed then: nothing where it would. For a
    /// connection of either release of the configuration.
    static std::optional<peer_refusal> judge_again(const upstream_context& context,
                                                   core::host_name host,
                                                   std::vector<core::spki_pin> node_pins,
                                                   std::vector<core::spki_pin> issuer_pins,
                                                   const SSL& established);

private:
    friend int verify_peer(X509_STORE_CTX* store, void*);

    /// Without a connection: to judge alone.
    peer_check(const upstream_context& context, core::host_name host,
               std::vector<core::spki_pin> node_pins, std::vector<core::spki_pin> issuer_pins);

    std::optional<peer_refusal> judge(X509_STORE_CTX& store) const;
    std::optional<peer_refusal> judge_leaf(const X509& leaf) const;
    std::optional<peer_refusal> judge_pins(const STACK_OF(X509) * chain) const;
    peer_refusal chain_refusal(X509_STORE_CTX& store) const;
    handshake_progress explain(int status);
    handshake_progress conclude();

    const upstream_context& context_;
    core::host_name host_;
    std::vector<core::spki_pin> node_pins_;
    std::vector<core::spki_pin> issuer_pins_;
    ssl_ptr tls_;
    bool judged_ = false;
    std::optional<peer_refusal> refusal_;
};

} // namespace roachpin::tls
