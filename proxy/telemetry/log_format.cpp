#include "telemetry/log_format.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace roachpin::telemetry {
namespace {

std::string quoted(std::string_view text) {
    if (!text.empty() && text.find_first_of(" \"=") == std::string_view::npos) {
        return std::string(text);
    }
    std::string shown = "\"";
    for (const char c : text) {
        if (c == '"') { // backslashes are doubled already, see core::printable
            shown += '\\';
        }
        shown += c;
    }
    return shown + "\"";
}

struct as_text {
    std::string operator()(const std::string& value) const { return quoted(value); }

    std::string operator()(std::uint64_t value) const { return std::to_string(value); }

    std::string operator()(double value) const { return fmt::format("{}", value); }

    std::string operator()(bool value) const { return value ? "true" : "false"; }
};

} // namespace

std::string_view to_string(severity level) {
    switch (level) {
    case severity::none:
        return "none";
    case severity::debug:
        return "debug";
    case severity::info:
        return "info";
    case severity::warning:
        return "warning";
    case severity::error:
        break;
    }
    return "error";
}

std::string timestamp(wall_time when) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(when);
    const auto part = std::chrono::duration_cast<std::chrono::milliseconds>(when - whole);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(when)), part.count());
}

std::string to_text(wall_time when, core::event_id id, const event_line& line) {
    auto text = fmt::format("{} {} {} id={}", timestamp(when), to_string(line.level), line.name,
                            core::to_string(id));
    for (const auto& [name, value] : line.fields) {
        text += fmt::format(" {}={}", name, std::visit(as_text{}, value));
    }
    return text;
}

std::string to_json(wall_time when, core::event_id id, const event_line& line) {
    boost::json::object object{{"time", timestamp(when)},
                               {"level", to_string(line.level)},
                               {"event", line.name},
                               {"id", core::to_string(id)}};
    for (const auto& [name, value] : line.fields) {
        std::visit([&, key = name](const auto& one) { object[key] = one; }, value);
    }
    return boost::json::serialize(object);
}

} // namespace roachpin::telemetry
