#pragma once

#include "core/bytes.hpp"

/// For clients that ask for a minor version, or for protocol options, that the node does not know:
/// the node is asked for 3.0, and the client is told so as a PostgreSQL server would tell it.
/// Source: PostgreSQL, "Message Flow": Start-up; "Message Formats": StartupMessage,
/// NegotiateProtocolVersion.
namespace roachpin::pgwire {

/// The client's opening, a StartupMessage and whatever came behind it, asking for 3.0 and for no
/// protocol option ("_pq_.…"); all else is as it was. `opening` begins with a StartupMessage that
/// `parse_first_packet` has accepted.
core::bytes as_protocol_3_0(core::bytes_view opening);

/// The NegotiateProtocolVersion that goes before all that the node answers: 3.0, and each protocol
/// option of `startup` (which may be the whole opening; the same holds for it) as not recognised.
///
/// The version is sent whole (0x00030000). The documentation speaks of the newest minor version,
/// but every PostgreSQL server sends, and libpq and pgjdbc read, major and minor together
/// (tcop/backend_startup.c, fe-protocol3.c): a bare 0 would be version 0.0 to them.
core::bytes encode_negotiate_protocol_version(core::bytes_view startup);

} // namespace roachpin::pgwire
