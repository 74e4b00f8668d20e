#pragma once

namespace roachpin::app {

/// Exit codes of every command.
enum exit_code : int {
    ok = 0,
    failed = 1,
    bad_configuration_or_usage = 2,
    could_not_finish = 3,
};

} // namespace roachpin::app
