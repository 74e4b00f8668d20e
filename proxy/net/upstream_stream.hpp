#pragma once

#include "net/byte_stream.hpp"
#include "tls/verified_peer.hpp"

#include <stdexcept>

namespace roachpin::net {

/// A connection to a node that proved itself on it. There is no other way to make one than from a
/// `verified_peer`, and nothing but an `upstream_stream` can be spliced to.
class upstream_stream {
public:
    /// `bytes`: the socket whose descriptor `peer` was verified on. Throws std::logic_error where
    /// it is another, or where `peer` has been moved from: that would be a stream in clear.
    upstream_stream(byte_stream bytes, tls::verified_peer peer) : bytes_(std::move(bytes)) {
        auto tls = std::move(peer).release_tls();
        if (!tls || SSL_get_fd(tls.get()) != bytes_.fd()) {
            throw std::logic_error("a node's proof does not belong to this connection");
        }
        bytes_.use_tls(std::move(tls));
    }

    byte_stream& bytes() { return bytes_; }

    /// The TLS the node was proved on. Never null.
    const SSL* tls() const { return bytes_.tls(); }

private:
    byte_stream bytes_;
};

} // namespace roachpin::net
