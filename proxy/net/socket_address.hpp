#pragma once

#include "core/endpoint.hpp"
#include "net/asio.hpp"

#include <optional>

/// Between our addresses and the system's.
namespace roachpin::net {

using socket_address = asio::generic::stream_protocol::endpoint;

socket_address to_socket_address(const core::endpoint& where);
socket_address to_socket_address(const core::unix_path& where);

/// The TCP endpoint in `address`; (0.0.0.0, 0) for another family.
core::endpoint to_endpoint(const socket_address& address);

/// The path in `address`; nothing where it has none: another family, no name, an abstract one.
std::optional<core::unix_path> to_unix_path(const socket_address& address);

} // namespace roachpin::net
