#pragma once

#include "core/dns_name.hpp"
#include "core/ip_address.hpp"
#include "dns/query.hpp"
#include "dns/reply.hpp"

#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace roachpin::dns {

enum class answer_status {
    found,     ///< at least one address or service
    no_data,   ///< the name exists (or its alias does), without records of that type
    nx_domain, ///< the name, or the end of its alias chain, does not exist
    failed,    ///< SERVFAIL, REFUSED and every other rcode
};

/// "NOERROR", "SERVFAIL", …; "rcode 23" where IANA's list of DNS RCODEs is longer than this one.
std::string rcode_text(std::uint16_t rcode);

/// What a reply says of its question, its alias chain followed.
struct answer {
    answer_status status = answer_status::failed;
    std::vector<core::dns_name> chain;       ///< the names aliases led to, in order; often empty
    std::vector<core::ip_address> addresses; ///< of A and AAAA, without duplicates, sorted
    std::vector<service> services;           ///< of SRV, in the reply's order
    std::uint32_t ttl = 0; ///< the least of all records used, of a denial its SOA's among them;
                           ///< 0 where it has none (RFC 2308 section 5)
    std::uint16_t rcode = 0;
    bool authenticated = false;
    std::optional<extended_error> extended;
};

/// Follows the chain from the asked name. Refused as malformed: a fork, a loop, a record that is
/// not on the chain, more than 16 aliases, addresses of the other family, a denial that comes with
/// data, a truncated reply. Of a failed one nothing is looked at but the rcode and its explanation.
///
/// A single SRV record with the root as target says that there is no such service: `no_data`.
boost::system::result<answer, refused_reply> read_answer(const reply& received,
                                                         const question& asked);

} // namespace roachpin::dns
