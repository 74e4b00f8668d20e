#pragma once

#include "dns/answer.hpp"
#include "unit/dns/replies.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// What replies say, and what aliases they say it with.
namespace roachpin::test {

inline constexpr unsigned denied = 3; // NXDOMAIN

using answered = boost::system::result<dns::answer, dns::refused_reply>;

inline answered read(const dns_message& message, const dns::query& sent) {
    const auto octets = message.octets();
    const auto received = dns::parse_reply(core::as_bytes(octets), sent);
    return received ? dns::read_answer(*received, sent.asked) : received.error();
}

inline answered read(const dns_message& message) {
    return read(message, query_of(host));
}

inline std::vector<core::dns_name> names(std::initializer_list<std::string_view> texts) {
    std::vector<core::dns_name> all;
    for (const auto text : texts) {
        all.push_back(core::dns_name::parse(text).value());
    }
    return all;
}

inline std::vector<std::string> texts(const std::vector<core::ip_address>& addresses) {
    std::vector<std::string> all;
    for (const auto& one : addresses) {
        all.push_back(one.to_string());
    }
    return all;
}

using addresses = std::vector<std::string>;

inline std::string alias(std::string_view owner, std::string_view target, std::uint32_t ttl = 300) {
    return cname_record(dns_name_octets(owner), dns_name_octets(target), ttl);
}

inline std::string address_of(std::string_view owner, unsigned last_octet) {
    return a_record(dns_name_octets(owner), last_octet);
}

/// The asked name is an alias of n1, that of n2, …; `count` of them.
inline std::vector<std::string> aliases(unsigned count) {
    std::vector<std::string> chain;
    for (unsigned i = 1; i <= count; ++i) {
        chain.push_back(
            alias(i == 1 ? host : "n" + std::to_string(i - 1), "n" + std::to_string(i)));
    }
    return chain;
}

} // namespace roachpin::test
