#include "net/socket_address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

namespace roachpin::net {

socket_address to_socket_address(const core::endpoint& where) {
    const auto& octets = where.address.octets();
    if (where.address.is_v4()) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(where.port);
        std::memcpy(&address.sin_addr, octets.data(), sizeof(address.sin_addr));
        return {&address, sizeof(address), IPPROTO_TCP};
    }
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(where.port);
    std::memcpy(&address.sin6_addr, octets.data(), sizeof(address.sin6_addr));
    return {&address, sizeof(address), IPPROTO_TCP};
}

socket_address to_socket_address(const core::unix_path& where) {
    sockaddr_un address{}; // zeroed: the path, shorter than the field, is terminated
    address.sun_family = AF_UNIX;
    where.path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    return {&address, sizeof(address), 0};
}

core::endpoint to_endpoint(const socket_address& address) {
    if (address.data()->sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, address.data(), sizeof(v4));
        std::array<std::uint8_t, 4> octets{};
        std::memcpy(octets.data(), &v4.sin_addr, octets.size());
        return {core::ip_address::v4(octets), ntohs(v4.sin_port)};
    }
    if (address.data()->sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, address.data(), sizeof(v6));
        std::array<std::uint8_t, 16> octets{};
        std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
        return {core::ip_address::v6(octets), ntohs(v6.sin6_port)};
    }
    return {core::ip_address::v4({}), 0};
}

std::optional<core::unix_path> to_unix_path(const socket_address& address) {
    constexpr auto before_path = offsetof(sockaddr_un, sun_path);
    if (address.data()->sa_family != AF_UNIX || address.size() <= before_path) {
        return std::nullopt;
    }
    sockaddr_un copied{};
    std::memcpy(&copied, address.data(), std::min(address.size(), sizeof(copied)));
    const auto* const path = static_cast<const char*>(copied.sun_path);
    // unix(7): the path may fill the field to its end, without a NUL.
    std::string text(path, ::strnlen(path, address.size() - before_path));
    return text.empty() ? std::nullopt : std::optional(core::unix_path{std::move(text)});
}

} // namespace roachpin::net
