#pragma once

#include "core/bytes.hpp"

#include <string>
#include <string_view>

namespace roachpin::pgwire {

/// The SQLSTATEs roachpin itself answers with (PostgreSQL, appendix A).
namespace sqlstate {
inline constexpr const char* cannot_connect = "08001";     ///< no node could be reached
inline constexpr const char* node_rejected = "08004";      ///< a node failed its proof
inline constexpr const char* connection_lost = "08006";    ///< the node went away mid-session
inline constexpr const char* protocol_violation = "08P01"; ///< malformed opening
inline constexpr const char* not_authorized = "28000"; ///< this client may not use this listener
inline constexpr const char* too_many = "53300";       ///< a limit of roachpin is reached
inline constexpr const char* admin_shutdown = "57P01"; ///< roachpin is draining
inline constexpr const char* still_starting = "57P03"; ///< no node yet (start: wait)
} // namespace sqlstate

/// What a client is told: what happened, what was expected and presented, what to do.
struct error_fields {
    std::string sqlstate;
    std::string message;
    std::string detail;
    std::string hint;
};

/// An ErrorResponse of severity FATAL. Empty fields are left out; a NUL inside one ends it.
/// Source: PostgreSQL, "Message Formats" and "Error and Notice Message Fields".
core::bytes encode_error_response(const error_fields& fields);

} // namespace roachpin::pgwire
