#pragma once

#include "core/bytes.hpp"
#include "core/endpoint.hpp"

#include <cstddef>
#include <optional>
#include <string>

/// Anybody can send a datagram to a port, under any sender's name: what tells the server's reply
/// from somebody else's is judged here, before anything of it is read.
namespace roachpin::dns {

struct datagram {
    core::endpoint peer; ///< whom it came from, or went to
    core::bytes_view octets;
};

/// What is wrong with `received` as the reply to `sent`, printable; nothing where it comes from the
/// server that was asked, has the id and the question that went out, and QR set. The letters' case
/// is not compared, and nothing behind the question: for that there is `parse_reply`.
std::optional<std::string> refuse_datagram(const datagram& received, const datagram& sent);

/// Those that came for one query.
struct refused_datagrams {
    std::size_t number = 0;
    std::string last; ///< what was wrong with it
};

/// "2 datagrams that were no answer to this query (id 4711 instead of 815)"
std::string describe(const refused_datagrams& refused);

} // namespace roachpin::dns
