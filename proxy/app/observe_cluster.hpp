#pragma once

#include "app/load.hpp"
#include "audit/observations.hpp"
#include "net/resolver.hpp"

#include <functional>
#include <string>
#include <vector>

namespace roachpin::app {

/// Hears what is being looked at, a sentence without its line's end.
using progress = std::function<void(const std::string&)>;

/// Takes every node through every stage, side by side: each server is asked for its name, each
/// address that the policy lets pass is dialled and proves itself, answers a StartupMessage and
/// says whether it is ready. An address that is refused is never dialled. One for each node, in the
/// configuration's order. `from` and `names`, null where no node is resolved, must outlive the
/// call.
net::awaitable<std::vector<audit::node_observation>>
observe_cluster(const prepared& from, net::resolver* names, progress tell);

} // namespace roachpin::app
