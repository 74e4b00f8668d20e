#pragma once

#include "audit/finding.hpp"

#include <string>
#include <string_view>

namespace roachpin::audit {

/// `text` in UTF-8 whatever it was before: control characters, and octets that are no UTF-8, are
/// written as \xNN, everything else stays. What peers chose was made printable (core/printable.hpp)
/// and is not changed by this; names of files were not, and one octet of Latin-1 in a folder's name
/// would make JSON and XML that no reader takes, an escape one that moves a terminal's cursor.
std::string legible(std::string_view text);

/// All of its texts.
report legible(report from);

} // namespace roachpin::audit
