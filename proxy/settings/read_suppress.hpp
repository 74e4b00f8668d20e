#pragma once

#include "settings/mapping.hpp"
#include "settings/placed.hpp"

#include <vector>

namespace roachpin::settings {

/// `suppress`, of the whole document. Whether a host is a node's is looked at in consistency.
std::vector<placed_suppression> read_suppress(mapping& root);

} // namespace roachpin::settings
