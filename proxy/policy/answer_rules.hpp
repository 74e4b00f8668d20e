#pragma once

#include "core/dns_name.hpp"
#include "core/endpoint.hpp"
#include "core/time.hpp"
#include "policy/address_class.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Whether what a server says of a host's name may be believed: SPEC.md, "Names to addresses".
namespace roachpin::policy {

/// What is known of an answer's signatures.
enum class authenticity {
    unknown,  ///< nobody looked
    secure,   ///< validated here, or a trusted resolver's AD
    insecure, ///< not signed, or not authenticated by the resolver
    bogus,    ///< signed, and the signature does not hold
};

/// What one server says of a host: A and AAAA together; of SRV, its targets' too.
struct named_answer {
    std::vector<core::dns_name> chain;   ///< where aliases led to, in order
    std::vector<core::dns_name> targets; ///< of SRV
    std::vector<core::endpoint> endpoints;
    core::duration ttl{};
    authenticity proof = authenticity::unknown;
    std::string why_bogus; ///< the validator's words, in any octets: escaped where they are shown
};

enum class dnssec_mode { off, require_ad, validate };

/// roachpin.lock's facts on a host.
struct locked_host {
    std::vector<core::dns_name> chain;
    std::vector<core::ip_address> addresses;
};

struct answer_rules {
    std::vector<core::dns_name> cname_allow; ///< aliases and SRV targets stay within one of these
    std::vector<core::cidr> allow;
    std::vector<core::cidr> deny;
    network_class network = network_class::any;
    dnssec_mode dnssec = dnssec_mode::off;
    std::vector<core::endpoint> own; ///< roachpin's own listeners; of one that is bound to every
                                     ///< address only the loopback ones are known here
    std::size_t max_addresses = 32;  ///< different ones
    std::optional<locked_host> lock; ///< its chain is enforced
    bool enforce_locked_addresses = false; ///< otherwise one outside the lock is a notice
};

/// In the order in which they are looked for.
enum class answer_fault {
    bogus,             ///< DNSSEC: bogus, in every mode
    insecure,          ///< DNSSEC: secure was demanded
    not_authenticated, ///< DNSSEC: AD was demanded
    alias,             ///< an alias leaves cname_allow
    target,            ///< an SRV target is outside cname_allow
    address_class,     ///< an address nobody serves at
    network,           ///< private where public is due, or the other way
    not_allowed,       ///< outside allow
    denied,            ///< inside deny
    own_listener,      ///< roachpin itself
    too_many,          ///< more than max_addresses
    lock_chain,        ///< not the chain of roachpin.lock
    lock_address,      ///< not among the addresses of roachpin.lock
};

inline constexpr std::array all_answer_faults{
    answer_fault::bogus,        answer_fault::insecure,    answer_fault::not_authenticated,
    answer_fault::alias,        answer_fault::target,      answer_fault::address_class,
    answer_fault::network,      answer_fault::not_allowed, answer_fault::denied,
    answer_fault::own_listener, answer_fault::too_many,    answer_fault::lock_chain,
    answer_fault::lock_address,
};

std::string_view to_string(answer_fault fault); ///< a metric's label: "dnssec_bogus", "not_allowed"
std::string_view finding_of(answer_fault fault); ///< "DNS-ADDRESS-UNEXPECTED"

struct answer_refusal {
    answer_fault fault;
    std::string sentence; ///< expected, seen, what to do; printable
};

/// The first rule that `said` breaks, in SPEC.md's order; nothing where it is clean. One bad
/// address refuses the whole answer. An answer without endpoints is no answer, and not judged here.
std::optional<answer_refusal> refuse_answer(const named_answer& said, const answer_rules& rules);

/// The same for where aliases lead to, of an answer without addresses.
std::optional<answer_refusal> refuse_aliases(const std::vector<core::dns_name>& chain,
                                             const answer_rules& rules);

/// The same for one address by itself: may it be used, whoever named it and whenever?
std::optional<answer_refusal> refuse_endpoint(const core::endpoint& where,
                                              const answer_rules& rules);

/// Those of `endpoints` whose addresses are not in the lock; none where there is no lock.
std::vector<core::endpoint> outside_lock(const std::vector<core::endpoint>& endpoints,
                                         const answer_rules& rules);

} // namespace roachpin::policy
