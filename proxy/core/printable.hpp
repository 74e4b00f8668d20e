#pragma once

#include <string>
#include <string_view>

namespace roachpin::core {

/// `text` with everything outside printable ASCII written as \xNN, and backslashes doubled: what a
/// peer chose may be shown to people without moving their cursor or forging a log line. At most
/// `most` octets of `text` are shown, then "…".
std::string printable(std::string_view text, std::size_t most = 256);

} // namespace roachpin::core
