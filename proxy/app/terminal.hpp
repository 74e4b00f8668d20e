#pragma once

namespace roachpin::app {

/// Whether somebody looks at stdout.
bool is_terminal();

/// Whether colours would be seen, and are not refused (NO_COLOR, https://no-color.org).
bool wants_colour();

} // namespace roachpin::app
