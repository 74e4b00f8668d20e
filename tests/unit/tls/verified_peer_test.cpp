#include "tls/peer_check.hpp"
#include "tls/verified_peer.hpp"

#include <type_traits>

/// The proof is a type: what needs a verified_peer cannot be reached without peer_check. That is
/// shown where it is enforced, by the compiler.
namespace roachpin {
namespace {

using tls::peer_facts;
using tls::ssl_ptr;
using tls::verified_peer;

static_assert(!std::is_aggregate_v<verified_peer>);
static_assert(!std::is_default_constructible_v<verified_peer>);
static_assert(!std::is_constructible_v<verified_peer, ssl_ptr>);
static_assert(!std::is_constructible_v<verified_peer, SSL*>);
static_assert(!std::is_constructible_v<verified_peer, peer_facts>);
static_assert(!std::is_constructible_v<verified_peer, ssl_ptr, peer_facts>);
static_assert(!std::is_constructible_v<verified_peer, ssl_ptr&&, const peer_facts&>);
static_assert(!std::is_constructible_v<verified_peer, tls::peer_check>);

// One proof, one connection: it can be handed on and not doubled.
static_assert(!std::is_copy_constructible_v<verified_peer>);
static_assert(!std::is_copy_assignable_v<verified_peer>);
static_assert(std::is_nothrow_move_constructible_v<verified_peer>);

template <class Peer>
concept gives_its_connection = requires(Peer peer) {
    std::forward<Peer>(peer).release_tls();
};

// Whoever takes the connection gives the proof up, and says so with a move.
static_assert(gives_its_connection<verified_peer&&>);
static_assert(!gives_its_connection<verified_peer&>);
static_assert(!gives_its_connection<const verified_peer&>);

template <class Peer>
concept lets_facts_be_changed = requires(Peer& peer, peer_facts facts) {
    peer.facts() = facts;
};

static_assert(!lets_facts_be_changed<verified_peer>);

// OpenSSL's callback holds the check's address.
static_assert(!std::is_copy_constructible_v<tls::peer_check>);
static_assert(!std::is_move_constructible_v<tls::peer_check>);

// A check that has not run holds no proof by accident.
static_assert(
    std::is_same_v<std::variant_alternative_t<0, tls::handshake_progress>, tls::wants_read>);

} // namespace
} // namespace roachpin
