#pragma once

#include "app/load.hpp"
#include "audit/observations.hpp"

namespace roachpin::app {

/// What this machine says about the configuration in `file`: its files, their owners, the libraries
/// that are loaded. Reads files that `from` was made of again, and the system's own bundle of
/// authorities; asks nobody.
audit::machine_facts look_at_machine(const std::string& file, const prepared& from);

} // namespace roachpin::app
