#pragma once

#include "core/endpoint.hpp"
#include "settings/model.hpp"

#include <vector>

namespace roachpin::app {

/// Where roachpin itself will listen: a node that is found there would be a loop. A listener on
/// every address (0.0.0.0, [::]) stands for each address that this machine has now.
std::vector<core::endpoint> own_endpoints(const std::vector<settings::listener>& listeners);

} // namespace roachpin::app
