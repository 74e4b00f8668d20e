#include "app/own_endpoints.hpp"

#include <algorithm>
#include <array>
#include <ifaddrs.h>
#include <memory>
#include <netinet/in.h>

namespace roachpin::app {
namespace {

template <std::size_t Size>
std::array<std::uint8_t, Size> octets_of(const void* address) {
    std::array<std::uint8_t, Size> octets{};
    std::copy_n(static_cast<const std::uint8_t*>(address), Size, octets.begin());
    return octets;
}

std::optional<core::ip_address> to_address(const sockaddr* of) {
    if (of != nullptr && of->sa_family == AF_INET) {
        return core::ip_address::v4(
            octets_of<4>(&reinterpret_cast<const sockaddr_in*>(of)->sin_addr));
    }
    if (of != nullptr && of->sa_family == AF_INET6) {
        return core::ip_address::v6(
            octets_of<16>(&reinterpret_cast<const sockaddr_in6*>(of)->sin6_addr));
    }
    return std::nullopt;
}

std::vector<core::ip_address> addresses_of_this_machine() {
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) {
        return {};
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(first, ::freeifaddrs);
    std::vector<core::ip_address> addresses;
    for (const auto* one = first; one != nullptr; one = one->ifa_next) {
        if (const auto address = to_address(one->ifa_addr)) {
            addresses.push_back(*address);
        }
    }
    return addresses;
}

} // namespace

std::vector<core::endpoint> own_endpoints(const std::vector<settings::listener>& listeners) {
    std::vector<core::endpoint> own;
    for (const auto& listener : listeners) {
        const auto* tcp = std::get_if<core::endpoint>(&listener.bind);
        if (tcp == nullptr) {
            continue;
        }
        own.push_back(*tcp); // of 0.0.0.0 the policy itself knows that it covers loopback
        for (const auto& address : addresses_of_this_machine()) {
            if (tcp->address.is_unspecified() && address.kind() == tcp->address.kind()) {
                own.push_back({address, tcp->port});
            }
        }
    }
    return own;
}

} // namespace roachpin::app
