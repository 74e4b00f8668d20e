#pragma once

#include "audit/finding.hpp"

#include <string>

namespace roachpin::audit {

/// 16 hexadecimal digits of what is found and where, whatever the evidence says today: the same
/// from run to run, so that a baseline or a code scanner knows a finding again.
std::string fingerprint(const finding& one);

} // namespace roachpin::audit
