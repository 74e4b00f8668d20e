#pragma once

#include "core/event_sink.hpp"
#include "core/time.hpp"
#include "net/byte_stream.hpp"
#include "net/tcp_options.hpp"
#include "policy/recent_proof.hpp"

#include <boost/system/result.hpp>

namespace roachpin::net {

struct dial_failure;
struct splice_options;
struct splice_result;
struct worker_share;
class passthrough_stream;
class retirement_bell;

using passthrough_result = boost::system::result<passthrough_stream, dial_failure>;

/// A connection to a node that was not verified on it: it agreed to TLS, and who it is the client's
/// own TLS finds out. Only `dial_passthrough` makes one, and only `relay` reads or writes it, so
/// that no octet of ours gets there in clear. It is no `upstream_stream` and never becomes one.
class passthrough_stream {
    friend awaitable<passthrough_result> dial_passthrough(policy::recent_proof to,
                                                          keepalive_options keepalive,
                                                          core::time_point deadline,
                                                          core::event_source* told);
    friend awaitable<splice_result> relay(byte_stream& client, passthrough_stream& node,
                                          worker_share share, splice_options options,
                                          retirement_bell& bell);

    explicit passthrough_stream(byte_stream bytes) : bytes_(std::move(bytes)) {}

    byte_stream bytes_;
};

} // namespace roachpin::net
