#include "telemetry/words.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>

namespace roachpin::telemetry {

using namespace std::chrono_literals;

std::string clock_text(wall_time when) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(when)));
}

std::string span_text(std::chrono::seconds span) {
    const auto length = std::chrono::abs(span);
    if (length < 2min) {
        return fmt::format("{} s", length.count());
    }
    if (length < 2h) {
        return fmt::format("{} min", length / 1min);
    }
    if (length < 48h) {
        return fmt::format("{} h", length / 1h);
    }
    return fmt::format("{} days", length / 24h);
}

std::string distance_text(wall_time when, wall_time now) {
    const auto span = std::chrono::floor<std::chrono::seconds>(when - now);
    return span > 0s ? "in " + span_text(span) : span_text(span) + " ago";
}

std::string counted(std::uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string number_text(double number) {
    return fmt::format("{:.{}f}", number, number == 0 || number >= 10 ? 0 : 1);
}

std::string bytes_text(double bytes) {
    constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < units.size()) {
        bytes /= 1000;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", bytes, unit == 0 || bytes >= 100 ? 0 : 1, units.at(unit));
}

} // namespace roachpin::telemetry
