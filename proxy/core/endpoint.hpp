#pragma once

#include "core/ip_address.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace roachpin::core {

/// Where TCP connects to or listens: an address and a port, never a name.
struct endpoint {
    ip_address address;
    std::uint16_t port = 0;

    /// "127.0.0.1:26257" or "[::1]:26257".
    static result<endpoint> parse(std::string_view text);

    std::string to_string() const;

    friend auto operator<=>(const endpoint&, const endpoint&) = default;
};

/// A unix socket's path, absolute, short enough for sockaddr_un (107 octets, unix(7)).
struct unix_path {
    std::string path;

    friend bool operator==(const unix_path&, const unix_path&) = default;
};

/// What a listener binds: "127.0.0.1:26257", "[::1]:26257" or "unix:/run/x/.s.PGSQL.26257".
using bind_address = std::variant<endpoint, unix_path>;

result<bind_address> parse_bind_address(std::string_view text);
std::string to_string(const bind_address& address);

} // namespace roachpin::core
