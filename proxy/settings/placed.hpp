#pragma once

#include "settings/model.hpp"
#include "settings/problem.hpp"

#include <vector>

/// Values with the places of their parts, for rules that hold between several of them.
namespace roachpin::settings {

struct placed_listener {
    listener value;
    place bind;
};

struct placed_node {
    node value;
    place host;
    std::vector<place> addresses; ///< one for each that is pinned
};

struct placed_admin {
    admin value;
    place bind;
    place control;
};

struct placed_server {
    dns_server value;
    place where;
};

struct placed_suppression {
    suppression value;
    place host;
};

} // namespace roachpin::settings
