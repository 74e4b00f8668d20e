#include "policy/address_class.hpp"

#include <vector>

namespace roachpin::policy {
namespace {

struct special_network {
    core::cidr network;
    address_class kind;
};

/// The first network that holds an address decides: the narrower stands before the wider.
std::vector<special_network> read_registry() {
    using enum address_class;

    struct row {
        const char* network;
        address_class kind;
    };

    constexpr row rows[] = {
        {"0.0.0.0/8", unspecified}, // Linux connects 0.0.0.0 to itself
        {"10.0.0.0/8", private_use},
        {"100.64.0.0/10", private_use}, // shared by carriers (RFC 6598), and used inside of clouds
        {"127.0.0.0/8", loopback},
        {"169.254.0.0/16", link_local}, // a cloud's metadata service among them
        {"172.16.0.0/12", private_use},
        {"192.0.0.0/24", reserved},    // protocol assignments (RFC 6890)
        {"192.0.2.0/24", reserved},    // documentation (RFC 5737)
        {"192.31.196.0/24", reserved}, // AS112: whoever likes may announce it (RFC 7535)
        {"192.52.193.0/24", reserved}, // AMT relays, likewise (RFC 7450)
        {"192.88.99.0/24", reserved},  // 6to4 relays, withdrawn (RFC 7526)
        {"192.168.0.0/16", private_use},
        {"192.175.48.0/24", reserved}, // AS112 (RFC 7534)
        {"198.18.0.0/15", reserved},   // benchmarking (RFC 2544)
        {"198.51.100.0/24", reserved}, // documentation
        {"203.0.113.0/24", reserved},  // documentation
        {"224.0.0.0/4", multicast},
        {"240.0.0.0/4", reserved}, // 255.255.255.255 among them
        {"0.0.0.0/0", public_use},

        {"::/128", unspecified},
        {"::1/128", loopback},
        {"::/96", transition},           // ::10.1.2.3, IPv4-compatible (RFC 4291)
        {"::ffff:0:0:0/96", transition}, // ::ffff:0:10.1.2.3, SIIT (RFC 2765)
        {"64:ff9b::/96", transition},    // NAT64 (RFC 6052)
        {"64:ff9b:1::/48", transition},  // NAT64, local use (RFC 8215)
        {"2001::/32", transition},       // Teredo (RFC 4380)
        {"2001::/23", reserved},         // protocol assignments, ORCHIDs, benchmarking
        {"2001:db8::/32", reserved},     // documentation (RFC 3849)
        {"2002::/16", transition},       // 6to4 (RFC 3056)
        {"2620:4f:8000::/48", reserved}, // AS112
        {"3fff::/20", reserved},         // documentation (RFC 9637)
        {"2000::/3", public_use},
        {"fc00::/7", private_use},
        {"fe80::/10", link_local},
        {"ff00::/8", multicast},
        {"::/0", reserved}, // not allotted, discard (RFC 6666), site-local (RFC 3879)
    };
    std::vector<special_network> registry;
    for (const auto& [network, kind] : rows) {
        registry.push_back({core::cidr::parse(network).value(), kind});
    }
    return registry;
}

} // namespace

address_class classify(const core::ip_address& address) {
    static const auto registry = read_registry();
    for (const auto& [network, kind] : registry) {
        if (network.contains(address)) {
            return kind;
        }
    }
    return address_class::reserved;
}

std::string_view to_string(address_class kind) {
    switch (kind) {
    case address_class::unspecified:
        return "unspecified";
    case address_class::loopback:
        return "loopback";
    case address_class::link_local:
        return "link-local";
    case address_class::multicast:
        return "multicast";
    case address_class::transition:
        return "transition";
    case address_class::reserved:
        return "reserved";
    case address_class::private_use:
        return "private";
    case address_class::public_use:
        return "public";
    }
    return "unknown";
}

} // namespace roachpin::policy
