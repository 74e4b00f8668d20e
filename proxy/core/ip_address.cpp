#include "core/ip_address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace roachpin::core {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

error not_an_address(std::string_view text) {
    return {"\"" + std::string(text) +
            "\" is not an IP address; write 10.1.2.3 or fd00::1, without a zone or a port"};
}

/// Whether the first `prefix` bits of both are equal.
bool same_prefix(const ip_address& a, const ip_address& b, unsigned prefix) {
    const auto whole = prefix / 8;
    if (!std::equal(a.octets().begin(), a.octets().begin() + whole, b.octets().begin())) {
        return false;
    }
    const auto rest = prefix % 8;
    if (rest == 0) {
        return true;
    }
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
    return ((a.octets()[whole] ^ b.octets()[whole]) & mask) == 0;
}

bool has_host_bits(const ip_address& address, unsigned prefix) {
    for (unsigned bit = prefix; bit < address.bits(); ++bit) {
        if ((address.octets()[bit / 8] >> (7 - bit % 8)) & 1U) {
            return true;
        }
    }
    return false;
}

} // namespace

result<ip_address> ip_address::parse(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) { // inet_pton would not see what is behind it
        return not_an_address(text);
    }
    const std::string copy(text);
    std::array<std::uint8_t, 4> four{};
    if (::inet_pton(AF_INET, copy.c_str(), four.data()) == 1) {
        return v4(four);
    }
    std::array<std::uint8_t, 16> sixteen{};
    if (::inet_pton(AF_INET6, copy.c_str(), sixteen.data()) == 1) {
        return v6(sixteen);
    }
    return not_an_address(text);
}

ip_address ip_address::v4(const std::array<std::uint8_t, 4>& octets) {
    ip_address address;
    std::copy(octets.begin(), octets.end(), address.octets_.begin());
    return address;
}

ip_address ip_address::v6(const std::array<std::uint8_t, 16>& octets) {
    if (std::equal(mapped_prefix.begin(), mapped_prefix.end(), octets.begin())) {
        return v4({octets[12], octets[13], octets[14], octets[15]});
    }
    ip_address address;
    address.kind_ = family::v6;
    address.octets_ = octets;
    return address;
}

bool ip_address::is_loopback() const {
    if (is_v4()) {
        return octets_[0] == 127;
    }
    return std::all_of(octets_.begin(), octets_.end() - 1, [](auto octet) { return octet == 0; }) &&
           octets_[15] == 1;
}

bool ip_address::is_unspecified() const {
    return std::all_of(octets_.begin(), octets_.end(), [](auto octet) { return octet == 0; });
}

std::string ip_address::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(is_v4() ? AF_INET : AF_INET6, octets_.data(), text.data(), text.size());
    return text.data();
}

result<cidr> cidr::parse(std::string_view text) {
    const auto slash = text.find('/');
    auto address = ip_address::parse(text.substr(0, slash));
    if (!address) {
        return address.error();
    }
    unsigned prefix = address->bits();
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        const auto* end = digits.data() + digits.size();
        const auto [rest, failed] = std::from_chars(digits.data(), end, prefix);
        if (failed != std::errc{} || rest != end || prefix > address->bits()) {
            return error{"\"" + std::string(text) + "\": the prefix length must be 0 to " +
                         std::to_string(address->bits())};
        }
    }
    if (has_host_bits(*address, prefix)) {
        return error{"\"" + std::string(text) + "\" has bits set behind its prefix; write the " +
                     "network's own address"};
    }
    return cidr(*address, prefix);
}

bool cidr::contains(const ip_address& address) const {
    return address.kind() == network_.kind() && same_prefix(address, network_, prefix_);
}

std::string cidr::to_string() const {
    return network_.to_string() + "/" + std::to_string(prefix_);
}

} // namespace roachpin::core
