#pragma once

#include "core/bytes.hpp"
#include "core/dns_name.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// The DNS on the wire, without I/O: RFC 1035, RFC 6891 (EDNS), RFC 8914 (Extended DNS Errors),
/// RFC 2782 (SRV), RFC 6840 section 5.7 (AD in a query).
namespace roachpin::dns {

enum class record_type : std::uint16_t { a = 1, cname = 5, soa = 6, aaaa = 28, srv = 33, opt = 41 };

std::string_view to_string(record_type type); ///< "A", "AAAA", …

struct question {
    core::dns_name name;
    record_type type = record_type::a;

    friend bool operator==(const question&, const question&) = default;
};

/// What is sent. `spelled` is the name with its letters in chosen case: a server returns them as
/// they are, a forger has to guess them.
struct query {
    question asked;
    std::string spelled;
    std::uint16_t id = 0;
    bool want_authenticated = false; ///< sets AD, so that a validating resolver says what it thinks
};

/// Chance is the caller's: `id` and a bit of `case_bits` for each letter, from the first on (bit 0;
/// where there are more letters than bits, they are used again).
query make_query(question asked, std::uint16_t id, std::uint64_t case_bits,
                 bool want_authenticated);

/// The question as it stands in the message, and has to stand in the reply.
core::bytes encode_question(const query& sent);

/// The longest reply that is taken over UDP, in octets: fits every path's packets, so that none is
/// fragmented and forged in part.
constexpr std::uint16_t udp_payload = 1232;

/// The message: RD set, CD never, one question, an OPT record (`udp_payload`, DO not set).
core::bytes encode(const query& sent);

} // namespace roachpin::dns
