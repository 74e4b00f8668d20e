#pragma once

#include <string>
#include <string_view>

namespace roachpin::core {

/// `text` in UTF-8 whatever it was before: control characters, and octets that are no UTF-8, are
/// written as \xNN, everything else stays. For what people wrote, which may be called
/// "prüfung.crt": one octet of Latin-1 would make JSON and XML that no reader takes, an escape one
/// that moves a terminal's cursor. What peers chose is made printable (core/printable.hpp), which
/// this does not change.
std::string legible(std::string_view text);

} // namespace roachpin::core
