#pragma once

#include "net/dial.hpp"
#include "tls/chain_facts.hpp"

#include <boost/system/result.hpp>

#include <string>

namespace roachpin::net {

/// What a node said first to somebody who wants a session.
struct first_word {
    bool answers = false; ///< it goes on with the login, or refuses for a reason of its own
    std::string sqlstate; ///< of an ErrorResponse
    std::string sentence; ///< printable
};

struct examined {
    tls::chain_facts proved;
    first_word said;
};

using examination = boost::system::result<examined, dial_failure>;

/// Dials as a session would, and then asks for one, as the user "roachpin_check" and with nothing
/// to prove it by: nobody is logged in, unless the node lets everybody in. Closes the connection at
/// the node's first message. A node that is leaving, not ready or full (57P01, 57P03, 53300), or
/// says nothing within `patience`, does not answer. `context` must outlive the call.
awaitable<examination> examine(policy::candidate to, const tls::upstream_context& context,
                               core::time_point dial_deadline, core::duration patience);

} // namespace roachpin::net
