#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

/// HTML that cannot be had without escaping: `markup` alone makes it, of a literal of ours and of
/// arguments, which it escapes. Pure.
namespace roachpin::telemetry::page {

template <class... Arguments>
class form;

class html {
public:
    html() = default;

    const std::string& text() const { return text_; }

    html& operator+=(const html& more) {
        text_ += more.text_;
        return *this;
    }

private:
    template <class... Arguments>
    friend class form;

    explicit html(std::string text) : text_(std::move(text)) {}

    std::string text_;
};

/// `text` as it is shown in an element or in a quoted attribute. Control characters, which HTML
/// does not allow, become U+FFFD.
std::string escaped(std::string_view text);

/// What stands in the place of an argument.
inline std::string_view slot(const html& argument) {
    return argument.text();
}

inline std::string slot(std::string_view argument) {
    return escaped(argument);
}

template <std::unsigned_integral Number>

requires(!std::same_as<Number, bool>) Number slot(Number argument) {
    return argument;
}

template <class Argument>
using slot_of = decltype(slot(std::declval<const Argument&>()));

/// A format string (see fmt), known at compile time: nothing that comes about at run time is taken
/// for markup. Placeholders stand between tags, or between the quotes of an attribute.
template <class... Arguments>
class form {
public:
    template <class Text>
    consteval form(const Text& text) : text_(text) {} // NOLINT(google-explicit-constructor)

    html filled(const Arguments&... arguments) const {
        return html(fmt::format(text_, slot(arguments)...));
    }

private:
    fmt::format_string<slot_of<Arguments>...> text_;
};

template <class... Arguments>
html markup(form<std::type_identity_t<Arguments>...> text, const Arguments&... arguments) {
    return text.filled(arguments...);
}

} // namespace roachpin::telemetry::page
