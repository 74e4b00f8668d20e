#pragma once

#include "tls/handles.hpp"

#include <cstddef>
#include <deque>
#include <mutex>

namespace roachpin::tls {

/// Certificates that nodes have proved with before, one copy of each. OpenSSL keeps what a
/// connection's peer has shown, decoded, for as long as the connection lives: 5 KiB for a leaf, and
/// nodes show the same one every time.
///
/// Safe for several threads.
class shared_certificates {
public:
    /// Puts the kept copy in the place of each certificate of `shown` that is equal to it, octet
    /// for octet.
    void substitute(STACK_OF(X509) & shown);

    /// Keeps the certificates of a chain that was verified, without its root.
    void keep(const STACK_OF(X509) & verified);

private:
    static constexpr std::size_t most = 64; ///< the eldest make room: leaves rotate

    std::mutex mutex_;
    std::deque<x509_ptr> kept_;
};

} // namespace roachpin::tls
