#pragma once

#include "core/ip_address.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace roachpin::core {

/// The name a node must prove: a DNS name (lower case, no trailing dot) or an IP literal. Exists
/// only valid. Source: RFC 1123 section 2.1, RFC 2181 section 11 (lengths); underscores are let in
/// because Kubernetes and Active Directory zones carry them.
class host_name {
public:
    static result<host_name> parse(std::string_view text);

    /// Canonical text: what is compared, logged and, for a name, sent as SNI.
    const std::string& text() const { return text_; }

    /// The address, where the host is an IP literal.
    const std::optional<ip_address>& ip() const { return ip_; }

    friend auto operator<=>(const host_name& a, const host_name& b) { return a.text_ <=> b.text_; }

    friend bool operator==(const host_name& a, const host_name& b) { return a.text_ == b.text_; }

private:
    host_name(std::string text, std::optional<ip_address> ip) : text_(std::move(text)), ip_(ip) {}

    std::string text_;
    std::optional<ip_address> ip_;
};

} // namespace roachpin::core
