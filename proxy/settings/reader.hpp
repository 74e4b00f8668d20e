#pragma once

#include "settings/problem.hpp"
#include "settings/tree.hpp"

#include <boost/system/result.hpp>

#include <string>

namespace roachpin::settings {

/// Reads `text` as exactly one YAML document. Aliases are replaced by copies of what they stand
/// for, tags are ignored. A document that is nested too deeply, has too many values or too much
/// text (which a few aliases can reach) is refused, as is a key that is not plain text. `file`
/// names it in a problem, `needs` what an empty one lacks.
boost::system::result<tree, problem> read_yaml(const std::string& text, const std::string& file,
                                               const std::string& needs = "listeners and cluster");

} // namespace roachpin::settings
