#pragma once

#include "settings/mapping.hpp"
#include "settings/model.hpp"

#include <filesystem>
#include <optional>
#include <string_view>

namespace roachpin::settings {

/// A certificate and its key, which go together: both keys or neither.
std::optional<certificate_files> read_certificate_pair(mapping& in,
                                                       std::string_view certificate_key,
                                                       std::string_view key_key,
                                                       const std::filesystem::path& base);

} // namespace roachpin::settings
