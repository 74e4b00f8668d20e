#include "settings/expand.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace roachpin::settings {
namespace {

constexpr std::string_view opening = "${";
constexpr std::string_view default_mark = ":-";

/// POSIX.1-2017 section 8.1, and lower case, which shells take too.
bool is_name(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    const auto is_digit = [](char c) {
        return c >= '0' && c <= '9';
    };
    return !name.empty() && is_letter(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return is_letter(c) || is_digit(c); });
}

/// Said outright, because GCC would also make an error of a string.
core::result<std::string> found(std::string value) {
    return {boost::system::in_place_value, std::move(value)};
}

core::error unterminated(std::string_view rest) {
    return {"\"" + std::string(rest) + "\" has no closing brace; write ${NAME} or " +
            "${NAME:-default}"};
}

/// The value of what stands between the braces.
core::result<std::string> look_up(std::string_view reference, const environment& variables) {
    const auto mark = reference.find(default_mark);
    const std::string name(reference.substr(0, mark));
    if (!is_name(name)) {
        return core::error{"\"${" + std::string(reference) + "}\" does not name an environment " +
                           "variable; a name has letters, digits and underscores only"};
    }
    const auto value = variables(name);
    if (mark == std::string_view::npos) {
        return value ? found(*value)
                     : core::error{"the environment variable " + name + " is not set; set it, or " +
                                   "give a default: ${" + name + ":-default}"};
    }
    const auto fallback = reference.substr(mark + default_mark.size());
    if (fallback.find(opening) != std::string_view::npos) {
        return core::error{"the default of ${" + name + "} holds another ${, which is not " +
                           "expanded; write the value itself"};
    }
    return found(value && !value->empty() ? *value : std::string(fallback));
}

} // namespace

environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): see header
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
}

core::result<std::string> expand(std::string_view text, const environment& variables) {
    std::string expanded;
    while (true) {
        const auto start = text.find(opening);
        expanded += text.substr(0, start);
        if (start == std::string_view::npos) {
            return found(std::move(expanded));
        }
        text.remove_prefix(start);
        const auto end = text.find('}');
        if (end == std::string_view::npos) {
            return unterminated(text);
        }
        auto value = look_up(text.substr(opening.size(), end - opening.size()), variables);
        if (!value) {
            return value.error();
        }
        expanded += *value;
        text.remove_prefix(end + 1);
    }
}

} // namespace roachpin::settings
