#pragma once

#include "core/host_name.hpp"
#include "net/dns_carrier.hpp"
#include "tls/upstream_context.hpp"

namespace roachpin::net {

/// One message and its reply over TLS (RFC 7858), on a connection of its own; the server proves
/// that it is `name`, as a node would. `roots` must outlive the call.
awaitable<dns_carried> carry_over_tls(core::endpoint server, core::host_name name,
                                      const tls::upstream_context& roots, core::bytes message,
                                      core::duration timeout);

} // namespace roachpin::net
