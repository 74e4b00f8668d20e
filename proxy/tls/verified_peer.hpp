#pragma once

#include "core/host_name.hpp"
#include "core/spki_pin.hpp"
#include "tls/handles.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace roachpin::tls {

/// What a node proved, for people: logs, status, metrics.
struct peer_facts {
    core::host_name host;
    std::string subject;
    std::string issuer;
    core::spki_pin leaf_key;
    std::chrono::system_clock::time_point not_after;
    std::string tls_version;
    std::vector<core::spki_pin>
        issuer_keys{}; ///< of the verified chain, upwards from the leaf's issuer
};

/// A node that proved on this very connection that it is `host`. Owns that connection's TLS, so
/// that the proof cannot be carried to another. Only `peer_check` can make one: code that needs a
/// `verified_peer` cannot be reached without the check, and does not compile without it.
class verified_peer {
public:
    const peer_facts& facts() const { return facts_; }

    /// The established TLS, over the file descriptor the check was given.
    ssl_ptr release_tls() && { return std::move(tls_); }

private:
    friend class peer_check;

    verified_peer(ssl_ptr tls, peer_facts facts) : tls_(std::move(tls)), facts_(std::move(facts)) {}

    ssl_ptr tls_;
    peer_facts facts_;
};

} // namespace roachpin::tls
