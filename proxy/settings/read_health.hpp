#pragma once

#include "settings/mapping.hpp"
#include "settings/model.hpp"

#include <filesystem>

namespace roachpin::settings {

/// The section `health`. Where a problem was reported, the value must not be used.
health read_health(mapping& in, const std::filesystem::path& base);

} // namespace roachpin::settings
