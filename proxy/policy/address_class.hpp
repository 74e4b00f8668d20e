#pragma once

#include "core/ip_address.hpp"

#include <string_view>

namespace roachpin::policy {

/// What an address is for. Source: the IANA special-purpose address registries (RFC 6890).
/// IPv4-mapped addresses are the IPv4 addresses they stand for already (`core::ip_address`).
enum class address_class {
    unspecified, ///< 0.0.0.0/8, ::
    loopback,    ///< 127.0.0.0/8, ::1
    link_local,  ///< 169.254.0.0/16, fe80::/10
    multicast,   ///< 224.0.0.0/4, ff00::/8
    transition,  ///< NAT64, 6to4, Teredo: another address is inside
    reserved,    ///< documentation, benchmarks, discard, not yet allotted, broadcast
    private_use, ///< RFC 1918, 100.64.0.0/10, fc00::/7
    public_use,
};

address_class classify(const core::ip_address& address);

std::string_view to_string(address_class kind); ///< "link-local", "private", …

/// The class a host's addresses must have.
enum class network_class { any, private_only, public_only };

} // namespace roachpin::policy
