#pragma once

#include "net/passthrough_stream.hpp"
#include "net/pipe_pool.hpp"
#include "net/splice.hpp"

namespace roachpin::net {

/// Passes octets both ways, as they are, until both sides have ended or one is lost. They are the
/// client's own TLS, so nothing can be said in them: `may_tell_client` is false, and a node's end
/// is `node_closed` whatever it meant, unless it had said nothing at all.
///
/// Nor is it known when nothing is under way: where `bell` rings, the session goes on until the
/// order's deadline, and is cut then.
///
/// The octets stay in the kernel: splice(2) moves them through one of the worker's pipes. A side
/// that takes nothing stops the other's reading; what is underway waits in the pipe (two
/// descriptors and at most 64 KiB a direction), or in memory where no descriptor is left for
/// another pipe.
///
/// Runs where `client`, which is in clear, does. The streams and `bell` must outlive the call.
/// SIGPIPE must be ignored: splice(2) knows no MSG_NOSIGNAL. Throws boost::system::system_error
/// where the kernel refuses a watch, or the worker's first pipe.
awaitable<splice_result> relay(byte_stream& client, passthrough_stream& node, worker_share share,
                               splice_options options, retirement_bell& bell);

} // namespace roachpin::net
