#pragma once

#include "settings/expand.hpp"
#include "settings/model.hpp"
#include "settings/problem.hpp"

#include <boost/system/result.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace roachpin::settings {

/// Flags of the command line that stand in for values of the file and are held to the same rules.
struct overrides {
    std::optional<std::string> listen{};     ///< `--listen`: the bind of the file's only listener
    std::optional<std::string> admin{};      ///< `--admin`: admin.bind
    std::optional<std::string> log_level{};  ///< `--log-level`
    std::optional<std::string> log_format{}; ///< `--log-format`
};

/// A configuration that keeps every rule, or all of its problems in the order of the file.
using parse_result = boost::system::result<configuration, std::vector<problem>>;

/// Reads `text`. `file_name` is what problems are reported under, and its folder is where relative
/// paths start; the file itself is not opened, those it names are. Does not throw.
parse_result parse(const std::string& text, const std::filesystem::path& file_name,
                   const environment& variables, const overrides& flags = {});

/// Reads the file at `path`, at most 1 MiB of it.
parse_result load(const std::filesystem::path& path, const environment& variables,
                  const overrides& flags = {});

} // namespace roachpin::settings
