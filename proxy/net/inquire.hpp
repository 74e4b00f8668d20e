#pragma once

#include "net/observation.hpp"
#include "net/resolver.hpp"

#include <optional>

namespace roachpin::net {

/// Asks one server, given by its place, for the addresses of `name`; or for the service `srv` and
/// the addresses of its targets. `names` must outlive the call.
awaitable<inquiry> inquire(resolver& names, std::size_t server, core::dns_name name,
                           std::optional<core::dns_name> srv);

/// The same of every server at once, in their order.
awaitable<std::vector<inquiry>> inquire_all(resolver& names, core::dns_name name,
                                            std::optional<core::dns_name> srv);

} // namespace roachpin::net
