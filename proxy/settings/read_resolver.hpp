#pragma once

#include "settings/mapping.hpp"
#include "settings/placed.hpp"

#include <filesystem>

namespace roachpin::settings {

/// `resolver`, with every rule that needs nothing else of the file.
///
/// `system` among the servers stands for the nameserver lines of `resolv_conf`, which is read now,
/// once; nothing else in it is looked at.
resolver read_resolver(mapping& in, const std::filesystem::path& base,
                       const std::filesystem::path& resolv_conf = "/etc/resolv.conf");

} // namespace roachpin::settings
