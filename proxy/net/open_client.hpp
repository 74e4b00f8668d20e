#pragma once

#include "net/byte_stream.hpp"
#include "pgwire/client_opening.hpp"
#include "tls/local_context.hpp"

#include <optional>
#include <span>
#include <string>
#include <variant>

namespace roachpin::net {

/// The client went away. `heard_anything` is false for a TCP probe.
struct client_gone {
    bool heard_anything = false;
    std::string reason;
};

/// What a client that opened its connection wants, or why there is none.
using client_wish =
    std::variant<pgwire::opening::startup, pgwire::opening::cancel, pgwire::opening::pass_through,
                 pgwire::opening::refuse, client_gone>;

/// How far an opening has come; the caller owns it and reads it also after a timeout.
struct opening_progress {
    bool handshaking = false; ///< TLS is being agreed on: a message in clear would not be read
    /// See `tls::client_tls`.
    std::optional<std::string> certificate_fault;
};

/// Drives a client's opening. With a `tls` context TLS is offered, and `client` goes on inside it;
/// `pass_through` is never wished for.
/// `tls` and the references must outlive the call; `scratch` is the worker's.
awaitable<client_wish> open_client(byte_stream& client, const tls::local_context* tls,
                                   std::span<std::uint8_t> scratch, opening_progress& progress);

/// The same where the client's TLS shall run through to a node: TLS with us is not offered, and an
/// SSLRequest comes back as `pass_through`, not answered. `progress` stays as it is.
awaitable<client_wish> open_passthrough(byte_stream& client, std::span<std::uint8_t> scratch,
                                        opening_progress& progress);

/// Answers 'S' to the SSLRequest of a `pass_through`, once a node has answered it so. Whether the
/// client was there to take it.
bool accept_passthrough(byte_stream& client);

} // namespace roachpin::net
