#pragma once

#include "core/error.hpp"

#include <compare>
#include <string>
#include <string_view>
#include <utility>

namespace roachpin::core {

/// A name in the DNS: what is asked for, an alias on the way, the owner of an SRV record. Lower
/// case, without a trailing dot; the root is "". Exists only valid (RFC 1035 section 2.3.4): labels
/// of 1 to 63 octets, 255 octets on the wire, every octet printable ASCII other than a space, a
/// dot, a quote and a backslash, so that a name can be logged and compared as it is.
class dns_name {
public:
    /// In any case, with or without the trailing dot; "" and "." are the root. A host that has to
    /// be named is not the root: who reads one asks for that himself.
    static result<dns_name> parse(std::string_view text);

    const std::string& text() const { return text_; }

    /// Whether it is `suffix` or below it, by whole labels. Everything is below the root.
    bool is_within(const dns_name& suffix) const;

    /// Without its leftmost label; the root's parent is the root.
    dns_name parent() const;

    friend auto operator<=>(const dns_name&, const dns_name&) = default;

private:
    explicit dns_name(std::string text) : text_(std::move(text)) {}

    std::string text_;
};

} // namespace roachpin::core
