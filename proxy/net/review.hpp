#pragma once

#include "net/discovery.hpp"
#include "net/worker.hpp"

#include <memory>
#include <vector>

namespace roachpin::net {

/// What a session must still comply with after a reload. Immutable, shared by all workers.
struct review_rules {
    std::vector<policy::node> nodes; ///< with endpoints: pinned; without: resolved
    std::vector<resolved_name> names;
    std::shared_ptr<const tls::upstream_context> upstream;
    core::time_point latest; ///< when a session that never becomes idle is cut
};

/// Judges live sessions as if they came today: their listener, the client's address or uid and its
/// TLS, the node and its address, and what the node proved itself with. What DNS says at the moment
/// is no part of it: an address that the allowlist still holds may stay. For one thread.
worker::session_judge judge_by(std::shared_ptr<const review_rules> rules);

} // namespace roachpin::net
