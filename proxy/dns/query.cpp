#include "dns/query.hpp"

#include <algorithm>
#include <utility>

namespace roachpin::dns {
namespace {

/// Header flags (RFC 1035 section 4.1.1, RFC 6840 section 5.7). Checking Disabled is never among
/// them: it would make a validating resolver hand out what it knows to be forged.
constexpr std::uint16_t recursion_desired = 0x0100;
constexpr std::uint16_t authentic_data_too = recursion_desired | 0x0020;

constexpr std::uint16_t class_in = 1;

/// IPv6's least MTU less the headers of IP and UDP (DNS flag day 2020): such a reply is never cut
/// into fragments, of which all but the first carry nothing a forger would have to guess (RFC
/// 9715).

void append_uint16(core::bytes& message, std::uint16_t number) {
    message.push_back(static_cast<std::uint8_t>(number >> 8));
    message.push_back(static_cast<std::uint8_t>(number));
}

/// RFC 1035 section 3.1: each label behind its length, then the root's zero.
void append_name(core::bytes& message, std::string_view name) {
    while (!name.empty()) {
        const auto label = name.substr(0, name.find('.'));
        message.push_back(static_cast<std::uint8_t>(label.size()));
        message.insert(message.end(), label.begin(), label.end());
        name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    message.push_back(0);
}

/// RFC 6891 section 6.1.2: the root as owner, the payload size where the class would be, and
/// version, flags and options all zero.
void append_opt(core::bytes& message) {
    append_name(message, "");
    append_uint16(message, static_cast<std::uint16_t>(record_type::opt));
    append_uint16(message, udp_payload);
    append_uint16(message, 0);
    append_uint16(message, 0);
    append_uint16(message, 0);
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

} // namespace

std::string_view to_string(record_type type) {
    switch (type) {
    case record_type::a:
        return "A";
    case record_type::cname:
        return "CNAME";
    case record_type::soa:
        return "SOA";
    case record_type::aaaa:
        return "AAAA";
    case record_type::srv:
        return "SRV";
    case record_type::opt:
        return "OPT";
    }
    return "unknown";
}

query make_query(question asked, std::uint16_t id, std::uint64_t case_bits,
                 bool want_authenticated) {
    auto spelled = asked.name.text(); // lower case, until a bit says otherwise
    unsigned letter = 0;
    for (char& c : spelled) {
        if (is_letter(c) && (case_bits >> letter++ % 64 & 1U) != 0) {
            c = static_cast<char>(c - 'a' + 'A');
        }
    }
    return {std::move(asked), std::move(spelled), id, want_authenticated};
}

core::bytes encode_question(const query& sent) {
    core::bytes octets;
    append_name(octets, sent.spelled);
    append_uint16(octets, static_cast<std::uint16_t>(sent.asked.type));
    append_uint16(octets, class_in);
    return octets;
}

core::bytes encode(const query& sent) {
    core::bytes message;
    append_uint16(message, sent.id);
    append_uint16(message, sent.want_authenticated ? authentic_data_too : recursion_desired);
    append_uint16(message, 1); // questions
    append_uint16(message, 0); // answers
    append_uint16(message, 0); // authorities
    append_uint16(message, 1); // additional: the OPT record
    const auto asked = encode_question(sent);
    message.insert(message.end(), asked.begin(), asked.end());
    append_opt(message);
    return message;
}

} // namespace roachpin::dns
