#pragma once

#include "core/error.hpp"

#include <filesystem>
#include <optional>
#include <string_view>

namespace roachpin::app {

/// Puts `content` at `path`, readable by all, whole or not at all: it is written beside it and
/// renamed, so that no reader sees half a file. The error where it could not.
std::optional<core::error> write_file(const std::filesystem::path& path, std::string_view content);

} // namespace roachpin::app
