#pragma once

#include "settings/mapping.hpp"
#include "settings/placed.hpp"

#include <vector>

/// The rules between listeners and nodes.
namespace roachpin::settings {

/// No two listeners at one place; port 0 is never the same port twice.
void check_binds(const std::vector<placed_listener>& listeners, reading& pass);

/// Neither the admin server's place nor the control socket is a listener's.
void check_admin(const placed_admin& read, const std::vector<placed_listener>& listeners,
                 reading& pass);

/// No node twice (host and port), no address twice in a node.
void check_nodes(const std::vector<placed_node>& nodes, reading& pass);

/// What is suppressed for a host is suppressed for a node.
void check_suppressed_hosts(const std::vector<placed_suppression>& suppressed,
                            const std::vector<placed_node>& nodes, reading& pass);

/// No node is roachpin itself: it would connect to itself until every slot is taken.
void check_own_addresses(const std::vector<placed_listener>& listeners,
                         const std::vector<placed_node>& nodes, reading& pass);

/// Where no server is named (at `servers`), no node is to be resolved.
void check_resolution(const std::vector<placed_node>& nodes, const place& servers, reading& pass);

} // namespace roachpin::settings
