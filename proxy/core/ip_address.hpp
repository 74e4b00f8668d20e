#pragma once

#include "core/error.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace roachpin::core {

/// An IPv4 or IPv6 address. An IPv4-mapped one (::ffff:a.b.c.d) is the IPv4 address it stands for,
/// so that no rule can be passed by spelling an address differently.
class ip_address {
public:
    enum class family : std::uint8_t { v4, v6 };

    /// Reads the canonical text forms; no zone, no port, no octal, no name.
    static result<ip_address> parse(std::string_view text);

    /// From 4 or 16 octets in network order.
    static ip_address v4(const std::array<std::uint8_t, 4>& octets);
    static ip_address v6(const std::array<std::uint8_t, 16>& octets);

    family kind() const { return kind_; }

    bool is_v4() const { return kind_ == family::v4; }

    bool is_loopback() const;
    bool is_unspecified() const;

    /// Network order; the first 4 of them where `is_v4()`.
    const std::array<std::uint8_t, 16>& octets() const { return octets_; }

    unsigned bits() const { return is_v4() ? 32 : 128; }

    std::string to_string() const;

    friend auto operator<=>(const ip_address&, const ip_address&) = default;

private:
    ip_address() = default;

    family kind_ = family::v4;
    std::array<std::uint8_t, 16> octets_{};
};

/// A network in CIDR notation, without host bits.
class cidr {
public:
    /// "10.1.0.0/16", "fd00:1::/64"; a bare address is a network of one.
    static result<cidr> parse(std::string_view text);

    bool contains(const ip_address& address) const;

    const ip_address& network() const { return network_; }

    unsigned prefix() const { return prefix_; }

    std::string to_string() const;

    friend bool operator==(const cidr&, const cidr&) = default;

private:
    cidr(ip_address network, unsigned prefix) : network_(network), prefix_(prefix) {}

    ip_address network_;
    unsigned prefix_;
};

} // namespace roachpin::core
