#pragma once

#include "core/host_name.hpp"
#include "core/spki_pin.hpp"
#include "tls/credentials.hpp"

#include <chrono>
#include <string>

namespace roachpin::tls {

/// What a node showed when it proved itself, in more detail than a session needs to know. All texts
/// are printable.
struct chain_facts {
    std::string subject; ///< of the leaf, as all of these but the last two
    std::string issuer;
    std::string names;       ///< the SANs
    bool names_host = false; ///< the host itself is among them, not a wildcard that stands for it
    core::spki_pin leaf_key;
    std::string key_kind; ///< "RSA", "EC", "ED25519"
    int key_bits = 0;
    std::string digest; ///< "SHA256"; empty where the signature's algorithm has its own
    std::string tls_version;
    std::chrono::system_clock::time_point ends; ///< when the first of the verified chain ends
    std::string ends_first;                     ///< whose that is: a subject
};

/// `proved`: a connection that `peer_check` has let through for `host`.
chain_facts facts_of(const SSL& proved, const core::host_name& host);

} // namespace roachpin::tls
