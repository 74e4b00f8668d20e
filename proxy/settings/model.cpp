#include "settings/model.hpp"

#include <charconv>

namespace roachpin::settings {

/// A file's name may hold colons, a path into the configuration holds none.
std::string key_of(const std::string& where) {
    const auto colon = where.rfind(": ");
    return colon == std::string::npos ? where : where.substr(colon + 2);
}

std::size_t line_of(const std::string& where) {
    const auto end = where.rfind(": ");
    const auto begin = end == std::string::npos ? end : where.rfind(':', end - 1);
    std::size_t line = 0;
    if (begin != std::string::npos && end > 0) {
        std::from_chars(where.data() + begin + 1, where.data() + end, line);
    }
    return line == 0 ? 1 : line;
}

} // namespace roachpin::settings
