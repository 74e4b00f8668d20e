#pragma once

#include "net/byte_stream.hpp"
#include "tls/verified_peer.hpp"

namespace roachpin::net {

/// A connection to a node that proved itself on it. There is no other way to make one than from a
/// `verified_peer`, and nothing but an `upstream_stream` can be spliced to.
class upstream_stream {
public:
    /// `bytes`: the socket whose descriptor `peer` was verified on.
    upstream_stream(byte_stream bytes, tls::verified_peer peer) : bytes_(std::move(bytes)) {
        bytes_.use_tls(std::move(peer).release_tls());
    }

    byte_stream& bytes() { return bytes_; }

private:
    byte_stream bytes_;
};

} // namespace roachpin::net
