#include "app/terminal.hpp"

#include <cstdlib>
#include <unistd.h>

namespace roachpin::app {

bool is_terminal() {
    return ::isatty(STDOUT_FILENO) == 1;
}

bool wants_colour() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
    const char* refused = std::getenv("NO_COLOR");
    return is_terminal() && (refused == nullptr || *refused == '\0');
}

} // namespace roachpin::app
