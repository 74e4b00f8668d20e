#pragma once

#include <string>

namespace roachpin::app {

/// "0.1.0", from the project's CMakeLists.txt.
std::string version();

/// What it runs on: "OpenSSL 3.0.19 …, Boost 1.81".
std::string libraries();

} // namespace roachpin::app
