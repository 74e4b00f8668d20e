#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// DNS messages, octet by octet, as servers send them and as they should not. Written without the
/// proxy's own codec, so that one cannot hide the other's mistakes. Source: RFC 1035 section 4.1.
namespace roachpin::test {

inline std::string dns_uint8(unsigned number) {
    return std::string(1, static_cast<char>(number));
}

inline std::string dns_uint16(unsigned number) {
    return dns_uint8(number >> 8 & 0xff) + dns_uint8(number & 0xff);
}

inline std::string dns_uint32(std::uint32_t number) {
    return dns_uint16(number >> 16) + dns_uint16(number & 0xffff);
}

inline std::string dns_label(std::string_view octets) {
    return dns_uint8(static_cast<unsigned>(octets.size())) + std::string(octets);
}

/// Labels of a name without their end; the name is one by adding `root` or a pointer.
inline std::string dns_labels(std::string_view name) {
    std::string wire;
    while (!name.empty()) {
        const auto label = name.substr(0, name.find('.'));
        wire += dns_label(label);
        name.remove_prefix(label.size() == name.size() ? label.size() : label.size() + 1);
    }
    return wire;
}

inline const std::string root(1, '\0');

inline std::string dns_name_octets(std::string_view name) {
    return dns_labels(name) + root;
}

inline std::string pointer_to(unsigned octet) {
    return dns_uint16(0xc000 | octet);
}

/// Where the question's name is in every message.
inline const std::string asked_name = pointer_to(12);

namespace dns_type {
inline constexpr unsigned a = 1;
inline constexpr unsigned ns = 2;
inline constexpr unsigned cname = 5;
inline constexpr unsigned soa = 6;
inline constexpr unsigned txt = 16;
inline constexpr unsigned aaaa = 28;
inline constexpr unsigned srv = 33;
inline constexpr unsigned dname = 39;
inline constexpr unsigned opt = 41;
inline constexpr unsigned rrsig = 46;
} // namespace dns_type

namespace dns_flag {
inline constexpr unsigned reply = 0x8180; ///< QR, RD, RA
inline constexpr unsigned truncated = 0x0200;
inline constexpr unsigned authenticated = 0x0020;
} // namespace dns_flag

/// What stands before a record's data, saying what it is told to say.
inline std::string record_head(std::string_view owner, unsigned type, std::uint32_t ttl,
                               unsigned size, unsigned record_class = 1) {
    return std::string(owner) + dns_uint16(type) + dns_uint16(record_class) + dns_uint32(ttl) +
           dns_uint16(size);
}

/// `owner` is a name on the wire, for each of these.
inline std::string record(std::string_view owner, unsigned type, std::uint32_t ttl,
                          std::string_view data, unsigned record_class = 1) {
    return record_head(owner, type, ttl, static_cast<unsigned>(data.size()), record_class) +
           std::string(data);
}

inline std::string a_record(std::string_view owner, unsigned last_octet, std::uint32_t ttl = 300) {
    return record(owner, dns_type::a, ttl, "\x0a\x01\x02" + dns_uint8(last_octet));
}

inline std::string aaaa_record(std::string_view owner, unsigned last_octet,
                               std::uint32_t ttl = 300) {
    return record(owner, dns_type::aaaa, ttl,
                  "\xfd" + std::string(14, '\0') + dns_uint8(last_octet));
}

inline std::string cname_record(std::string_view owner, std::string_view target,
                                std::uint32_t ttl = 300) {
    return record(owner, dns_type::cname, ttl, target);
}

inline std::string srv_record(std::string_view owner, unsigned priority, unsigned weight,
                              unsigned port, std::string_view target, std::uint32_t ttl = 300) {
    return record(owner, dns_type::srv, ttl,
                  dns_uint16(priority) + dns_uint16(weight) + dns_uint16(port) +
                      std::string(target));
}

inline std::string soa_record(std::string_view owner, std::uint32_t ttl, std::uint32_t minimum) {
    return record(owner, dns_type::soa, ttl,
                  dns_name_octets("ns1.internal") + dns_label("first.last") +
                      dns_name_octets("internal") + dns_uint32(2'024'010'101) + dns_uint32(7200) +
                      dns_uint32(3600) + dns_uint32(1'209'600) + dns_uint32(minimum));
}

inline std::string dns_option(unsigned code, std::string_view data) {
    return dns_uint16(code) + dns_uint16(static_cast<unsigned>(data.size())) + std::string(data);
}

inline std::string extended_error_option(unsigned code, std::string_view text) {
    return dns_option(15, dns_uint16(code) + std::string(text));
}

/// `upper_rcode`: what stands above the header's four bits.
inline std::string opt_record(std::string_view options = "", unsigned upper_rcode = 0) {
    return record(root, dns_type::opt, upper_rcode << 24, options, 1232);
}

inline std::string question_octets(std::string_view name, unsigned type,
                                   unsigned question_class = 1) {
    return dns_name_octets(name) + dns_uint16(type) + dns_uint16(question_class);
}

struct dns_message {
    unsigned id = 0x2a5f;
    unsigned flags = dns_flag::reply;
    std::vector<std::string> questions;
    std::vector<std::string> answers;
    std::vector<std::string> authorities;
    std::vector<std::string> additional;

    std::string octets() const {
        std::string message = dns_uint16(id) + dns_uint16(flags);
        for (const auto* section : {&questions, &answers, &authorities, &additional}) {
            message += dns_uint16(static_cast<unsigned>(section->size()));
        }
        for (const auto* section : {&questions, &answers, &authorities, &additional}) {
            for (const auto& one : *section) {
                message += one;
            }
        }
        return message;
    }
};

} // namespace roachpin::test
