#pragma once

#include "app/observed_lock.hpp"
#include "app/prepare.hpp"
#include "net/resolver.hpp"

namespace roachpin::app {

/// What is there now.
struct seen_nodes {
    std::vector<observed_node> nodes;  ///< in the configuration's order
    std::vector<std::string> failures; ///< why that is not the whole: names refused or not found,
                                       ///< addresses where nothing proved itself
};

/// Asks for the name of every node, once, and has every place of it prove itself with a verifying
/// dial. Says on stderr what it does. `from` and `names`, null where no node is resolved, must
/// outlive the call.
net::awaitable<seen_nodes> observe_nodes(const prepared& from, net::resolver* names);

} // namespace roachpin::app
