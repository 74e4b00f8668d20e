#pragma once

#include "settings/mapping.hpp"
#include "settings/model.hpp"

namespace roachpin::settings {

/// The section `admin`. Where a problem was reported, the value must not be used.
admin read_admin(mapping& in);

} // namespace roachpin::settings
