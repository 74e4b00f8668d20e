#pragma once

#include "core/endpoint.hpp"
#include "net/asio.hpp"

/// Between our addresses and the system's.
namespace roachpin::net {

using socket_address = asio::generic::stream_protocol::endpoint;

socket_address to_socket_address(const core::endpoint& where);
socket_address to_socket_address(const core::unix_path& where);

/// The TCP endpoint in `address`; (0.0.0.0, 0) for another family.
core::endpoint to_endpoint(const socket_address& address);

} // namespace roachpin::net
