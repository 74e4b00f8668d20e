#pragma once

#include "core/bytes.hpp"
#include "core/endpoint.hpp"
#include "core/time.hpp"
#include "dns/datagram.hpp"
#include "net/asio.hpp"

#include <boost/system/result.hpp>

#include <string>

/// DNS messages to a server and back, by c-ares: raw `ares_send` on a channel of its own for each
/// query, so that each has its own port: a reply that comes too late finds it closed, and the
/// kernel answers for us. Nothing of the system's configuration is looked at, and of a reply only
/// whether it is one to this query: our own codec judges it (see dns/reply.hpp).
///
/// Over UDP whatever is none is kept from c-ares, which would drop some of it without a word and
/// take some of it (without QR) for the end of the query. Waiting for the true answer goes on, but
/// not for ever: somebody who sends one guess after the other is left behind by going over to TCP.
/// The kernel does it with another sender's datagrams, since the socket is connected.
namespace roachpin::net {

enum class dns_carrier { udp, tcp };

/// No reply came: what the transport says, for people.
struct dns_silence {
    std::string sentence;
};

using dns_carried = boost::system::result<core::bytes, dns_silence>;

/// Sends `message`, returns the first reply. Its octets are anybody's. What came over UDP and was
/// none is counted in `refused`; after the third there is no reply. Control thread.
awaitable<dns_carried> carry(dns_carrier by, core::endpoint server, core::bytes message,
                             core::duration timeout, dns::refused_datagrams& refused);

/// Whether a reply carries the query's own id: c-ares from 1.22 on puts one of its own in, and
/// checks it. Asked of the library that is loaded, not of the one compiled against.
bool carrier_keeps_ids();

/// The version of c-ares that is loaded.
std::string carrier_version();

/// Sets c-ares up; once, before any query.
void start_carrier();

} // namespace roachpin::net
