#pragma once

#include "pgwire/first_packet.hpp"

/// A client's opening, from its first octet to what it wants, without I/O: the driver reads, feeds
/// what came, and does what each step says.
namespace roachpin::pgwire {

/// The steps. Each names what the driver does next.
namespace opening {

/// Read more and feed it.
struct read {};

/// Send 'N', then feed what the client says next.
struct decline_encryption {};

/// Send 'S' unless `direct`, run the TLS handshake, say so by `tls_established`, then feed what
/// comes out of TLS. In a direct one the ClientHello has been fed: the driver must not have taken
/// it off the socket (it peeks at the first octet).
struct start_tls {
    bool direct = false;
};

/// The client asked for TLS, and a node shall answer it: nothing has been answered, nothing came
/// behind the SSLRequest. Once a node has said 'S', so may the driver, and whatever follows is
/// between the two of them. The last step: nothing is fed any more.
struct pass_through {};

/// The client wants a session. `replay` is everything for the node: the StartupMessage and
/// whatever the client sent behind it.
struct startup {
    startup_message message;
    core::bytes replay;
};

/// The client wants a statement cancelled. Close without an answer whatever comes of it.
struct cancel {
    core::bytes packet;
};

/// Tell the client (SQLSTATE 08P01) and close. Where `tell` is false it could not read it: it
/// speaks TLS where we do not.
struct refuse {
    std::string sentence;
    bool tell = true;
};

} // namespace opening

using opening_step =
    std::variant<opening::read, opening::decline_encryption, opening::start_tls,
                 opening::pass_through, opening::startup, opening::cancel, opening::refuse>;

/// What an SSLRequest and a direct TLS ClientHello lead to.
enum class opening_mode {
    clear,       ///< declined, refused: the listener has no certificate
    tls,         ///< TLS with us
    passthrough, ///< TLS with a node, end to end; direct TLS is refused
};

/// Invariants: at most one SSLRequest and one GSSENCRequest; nothing may be buffered behind either
/// (CVE-2021-23214: what came in clear must never be taken for what came inside TLS); at most
/// 10,000 octets in all.
class client_opening {
public:
    explicit client_opening(opening_mode mode) : mode_(mode) {}

    /// Takes the octets that came, judges all that is held.
    opening_step feed(core::bytes_view octets);

    /// The handshake `start_tls` asked for is done. `alpn`: whether "postgresql" was agreed on.
    /// A direct handshake without it is refused, as PostgreSQL does: it keeps a TLS connection
    /// meant for another protocol (ALPACA attack) out.
    opening_step tls_established(bool alpn);

    /// Whether anything has come at all; a probe that closes without an octet is not worth a log.
    bool heard_anything() const { return heard_ > 0; }

private:
    enum class stage {
        plain,       ///< nothing agreed on yet
        handshaking, ///< TLS was agreed on, its handshake runs
        encrypted,   ///< inside TLS
    };

    opening_step judge();
    opening_step on(ssl_request);
    opening_step on(gssenc_request);
    opening_step on(tls_client_hello);

    opening_mode mode_;
    bool direct_ = false;
    bool ssl_seen_ = false;
    bool gssenc_seen_ = false;
    stage stage_ = stage::plain;
    std::size_t heard_ = 0;
    core::bytes held_;
};

} // namespace roachpin::pgwire
