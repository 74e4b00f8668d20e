#include "core/endpoint.hpp"

#include <charconv>
#include <sys/un.h>

namespace roachpin::core {
namespace {

constexpr std::string_view unix_scheme = "unix:";

error not_an_endpoint(std::string_view text) {
    return {"\"" + std::string(text) +
            "\" is not an address and a port; write 127.0.0.1:26257 or \"[::1]:26257\""};
}

result<bind_address> parse_unix_path(std::string_view path) {
    if (!path.starts_with('/')) {
        return error{"unix:" + std::string(path) + ": the path must be absolute"};
    }
    if (path.find('\0') != std::string_view::npos || path.size() >= sizeof(sockaddr_un::sun_path)) {
        return error{"unix:" + std::string(path) + " is " + std::to_string(path.size()) +
                     " octets long; the system allows " +
                     std::to_string(sizeof(sockaddr_un::sun_path) - 1)};
    }
    return bind_address(unix_path{std::string(path)});
}

} // namespace

result<endpoint> endpoint::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return not_an_endpoint(text);
    }
    auto host = text.substr(0, colon);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    const auto address = ip_address::parse(host);
    if (!address || bracketed != (host.find(':') != std::string_view::npos)) {
        return not_an_endpoint(text);
    }
    const auto digits = text.substr(colon + 1);
    const auto* end = digits.data() + digits.size();
    std::uint16_t port = 0;
    const auto [rest, failed] = std::from_chars(digits.data(), end, port);
    if (failed != std::errc{} || rest != end) {
        return not_an_endpoint(text);
    }
    return endpoint{*address, port};
}

std::string endpoint::to_string() const {
    const auto host = address.is_v4() ? address.to_string() : "[" + address.to_string() + "]";
    return host + ":" + std::to_string(port);
}

result<bind_address> parse_bind_address(std::string_view text) {
    if (text.starts_with(unix_scheme)) {
        return parse_unix_path(text.substr(unix_scheme.size()));
    }
    const auto tcp = endpoint::parse(text);
    if (!tcp) {
        return error{tcp.error().sentence + ", or unix:/run/roachpin/.s.PGSQL.26257"};
    }
    return bind_address(*tcp);
}

std::string to_string(const bind_address& address) {
    if (const auto* tcp = std::get_if<endpoint>(&address)) {
        return tcp->to_string();
    }
    return "unix:" + std::get<unix_path>(address).path;
}

} // namespace roachpin::core
