#include "telemetry/page/html.hpp"

namespace roachpin::telemetry::page {
namespace {

std::string_view entity_of(char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        break;
    }
    const bool control = (c >= '\0' && c < ' ' && c != '\n' && c != '\t') || c == '\x7f';
    return control ? "\xef\xbf\xbd" : "";
}

} // namespace

std::string escaped(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    for (const char c : text) {
        const auto entity = entity_of(c);
        shown.append(entity.empty() ? std::string_view(&c, 1) : entity);
    }
    return shown;
}

} // namespace roachpin::telemetry::page
