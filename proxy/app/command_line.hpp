#pragma once

namespace roachpin::app {

/// Reads the arguments, runs the command they name, and gives back the exit code.
int run_command_line(int argc, char** argv);

} // namespace roachpin::app
