#pragma once

#include "audit/finding.hpp"
#include "core/legible.hpp"

namespace roachpin::audit {

using core::legible;

/// All of its texts.
report legible(report from);

} // namespace roachpin::audit
