#pragma once

#include "support/test_pki.hpp"
#include "tls/peer_check.hpp"
#include "unit/tls/pem.hpp"
#include "unit/tls/plain_tls.hpp"

#include <string>
#include <vector>

namespace roachpin::test {

/// A node's certificate as `cockroach cert create-node` makes it.
inline certificate_request node_request() {
    certificate_request request;
    request.dns_sans = {"crdb-0.crdb.internal"};
    return request;
}

/// Made once: making keys is what these tests would otherwise spend their time on.
inline const certificate_authority& ca() {
    static const certificate_authority made;
    return made;
}

/// What an operator configured, and what sits at the address.
struct scenario {
    identity node{}; ///< what it presents
    std::string host = "crdb-0.crdb.internal";
    std::string ca_file = ca().certificate_pem();
    std::string crl_file{};
    std::vector<std::string> pins{}; ///< the cluster's, in base64
    std::vector<std::string> node_pins{};
    std::vector<std::string> revoked{};
    core::tls_version min_version = core::tls_version::v1_2;
    identity client{}; ///< shown to the node; nothing where it is empty
};

/// A node of `ca()` whose certificate differs from a good one in what `change` does.
template <class Change>
scenario node_with(Change change, std::string host = "crdb-0.crdb.internal") {
    auto request = node_request();
    change(request);
    return {.node = ca().issue(request), .host = std::move(host)};
}

inline scenario good_node() {
    return node_with([](auto&) {});
}

inline std::vector<core::spki_pin> pins_of(const std::vector<std::string>& base64) {
    std::vector<core::spki_pin> pins;
    for (const auto& text : base64) {
        pins.push_back(core::spki_pin::parse(text).value());
    }
    return pins;
}

inline tls::upstream_context context_of(const scenario& setting) {
    tls::upstream_options options{.anchors = certificates_of(setting.ca_file),
                                  .crls = crls_of(setting.crl_file),
                                  .pins = pins_of(setting.pins),
                                  .revoked = pins_of(setting.revoked),
                                  .min_version = setting.min_version,
                                  .client = std::nullopt};
    if (!setting.client.certificate_pem.empty()) {
        options.client = key_pair_of(setting.client);
    }
    return tls::upstream_context::make(std::move(options)).value();
}

/// A dial of `setting`, from the ClientHello on.
struct dial {
    explicit dial(const scenario& setting)
        : context(context_of(setting)), check(context, core::host_name::parse(setting.host).value(),
                                              pins_of(setting.node_pins), sockets.ours()) {}

    socket_pair sockets{};
    tls::upstream_context context;
    tls::peer_check check;
};

inline bool is_final(const tls::handshake_progress& progress) {
    return !std::holds_alternative<tls::wants_read>(progress) &&
           !std::holds_alternative<tls::wants_write>(progress);
}

/// Both ends in turn, until the check has come to an end; the node may then read what is left.
inline tls::handshake_progress shake_hands(dial& dialled, plain_tls& node) {
    for (int turn = 0; turn < 100; ++turn) {
        auto progress = dialled.check.advance();
        node.advance();
        if (is_final(progress)) {
            return progress;
        }
    }
    throw std::runtime_error("a handshake without an end");
}

/// The same against a node that speaks plain OpenSSL.
inline tls::handshake_progress judge(const scenario& setting, plain_options options = {}) {
    dial dialled(setting);
    options.presents = setting.node;
    plain_tls node(plain_tls::side::server, options, dialled.sockets.theirs());
    return shake_hands(dialled, node);
}

/// "wrong_name: A / B", "cut: …", or "verified".
inline std::string verdict_of(const tls::handshake_progress& progress) {
    if (const auto* refused = std::get_if<tls::peer_refusal>(&progress)) {
        return std::string(to_string(refused->fault)) + ": " + refused->expected + " / " +
               refused->presented;
    }
    if (const auto* cut = std::get_if<tls::handshake_cut>(&progress)) {
        return "cut: " + cut->sentence;
    }
    return std::holds_alternative<tls::verified_peer>(progress) ? "verified" : "unfinished";
}

} // namespace roachpin::test
