#pragma once

#include "core/bytes.hpp"
#include "pgwire/first_packet.hpp"

#include <string>
#include <string_view>
#include <variant>

/// What a node says first behind the StartupMessage. Until then nothing has happened for the
/// client, and the StartupMessage may go to another node. Source: PostgreSQL, "Message Flow":
/// Start-up; "Error and Notice Message Fields".
namespace roachpin::pgwire {

/// The session is on its way with this node, or what it says is not for roachpin to judge: pass on
/// what came.
struct answered {};

/// An ErrorResponse, whole. The message is the node's own text: to be made printable.
struct refused {
    std::string sqlstate; ///< five of 0-9, A-Z
    std::string message;  ///< empty where the node gave none
};

using first_answer = std::variant<incomplete, answered, refused>;

/// No more than so many octets, counted as its length does, are held of an ErrorResponse.
inline constexpr std::size_t max_first_error = 16 * 1024;

/// Judges everything the node has sent behind the StartupMessage. `incomplete`: the beginning of an
/// ErrorResponse, or nothing yet. An ErrorResponse that announces more than `max_first_error`, or
/// less than its header, or does not hold a SQLSTATE counts as `answered`.
first_answer judge_first_answer(core::bytes_view received);

/// Whether the node is leaving (57P01), not ready (57P03) or full (53300). CockroachDB says so
/// before authentication, when it drains or has no place: another node may take the client.
bool is_another_nodes_chance(std::string_view sqlstate);

/// Whether the node may have refused the minor version asked for: CockroachDB before 26.1 says
/// XX000 "unknown protocol version", a PostgreSQL of before 2018 0A000, others 08P01. It may have
/// meant something else: whether 3.0 helps shows when it is tried.
bool may_refuse_minor_version(std::string_view sqlstate);

} // namespace roachpin::pgwire
