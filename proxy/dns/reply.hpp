#pragma once

#include "core/bytes.hpp"
#include "core/dns_name.hpp"
#include "core/ip_address.hpp"
#include "dns/query.hpp"

#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace roachpin::dns {

/// In a section: more address records than fit into a message. That they are too many is for the
/// policy to say, which knows how many are wanted. Kept out is a message made of nothing but
/// smaller records, which cost time and hold no address.
constexpr std::uint16_t max_records = 4096;

/// Where an SRV record points to.
struct service {
    core::dns_name target;
    std::uint16_t port = 0;
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;

    friend bool operator==(const service&, const service&) = default;
};

/// A, AAAA, CNAME or SRV of the answer section; other types are skipped.
struct record {
    core::dns_name owner;
    std::uint32_t ttl = 0; ///< seconds; one with the top bit set counts as 0 (RFC 2181 section 8)
    std::variant<core::ip_address, core::dns_name, service> data; ///< a name: CNAME's target
};

/// RFC 8914. `text` is printable.
struct extended_error {
    std::uint16_t code = 0;
    std::string text;

    friend bool operator==(const extended_error&, const extended_error&) = default;
};

/// A well-formed reply to the very query that was sent.
struct reply {
    std::uint16_t rcode = 0;    ///< with EDNS's upper bits
    bool truncated = false;     ///< TC: only part of it; ask again over TCP
    bool authenticated = false; ///< AD
    std::vector<record> answers;
    std::optional<std::uint32_t> negative_ttl; ///< of the authority section's SOA (RFC 2308)
    std::optional<extended_error> extended;
};

/// Why octets are no reply to the query. All but `malformed` may be somebody else's packet.
enum class reply_fault {
    malformed,      ///< does not parse, or breaks a limit of this codec
    not_a_reply,    ///< QR or the opcode is that of something else
    other_id,       ///< the message id is not the query's
    other_question, ///< name (in its exact case), type or class is not the query's
};

std::string_view to_string(reply_fault fault); ///< "malformed", "not_a_reply", …

struct refused_reply {
    reply_fault fault = reply_fault::malformed;
    std::string sentence; ///< what exactly, printable
};

/// Strict: one question; class IN; compression pointers backwards only and 32 at most;
/// `max_records` a section; one OPT at most, with the root as owner, in the additional section; no
/// IPv4-mapped address in an AAAA record; no octets left over. No question is needed in a reply
/// without records whose rcode is neither NOERROR nor NXDOMAIN: FORMERR, NOTIMP and the like, as
/// old servers send them. Never throws for what `message` holds, never reads outside it.
///
/// `check_id`: false where the carrier has put an id of its own in and has checked it itself
/// (c-ares from 1.22 on).
boost::system::result<reply, refused_reply> parse_reply(core::bytes_view message, const query& sent,
                                                        bool check_id = true);

} // namespace roachpin::dns
