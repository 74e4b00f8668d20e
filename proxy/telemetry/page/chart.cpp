#include "telemetry/page/chart.hpp"

#include "telemetry/status_summary.hpp"
#include "telemetry/words.hpp"

#include <algorithm>
#include <iterator>
#include <string>

namespace roachpin::telemetry::page {
namespace {

// In the picture's own units: one a bar, wide; the style sheet stretches it.
constexpr std::size_t room = most_samples;
constexpr double middle = 30;
constexpr double longest = 28;
constexpr double shortest = 3;

struct bar {
    std::uint64_t up = 0;
    std::uint64_t down = 0;
};

std::vector<bar> bars_of(const series& what, const std::vector<sample>& history) {
    std::vector<bar> made;
    for (std::size_t i = 1; i < history.size(); ++i) {
        const auto& before = history[i - 1].until;
        const auto& after = history[i].until;
        made.push_back(
            {gained(before.*what.up, after.*what.up), gained(before.*what.down, after.*what.down)});
    }
    if (made.size() > room) {
        made.erase(made.begin(), std::prev(made.end(), room));
    }
    return made;
}

double length_of(std::uint64_t value, std::uint64_t most) {
    const auto share = static_cast<double>(value) / static_cast<double>(most);
    return value == 0 ? 0 : std::max(shortest, longest * share);
}

/// From the line in the middle, up where `height` is negative.
std::string rectangle(std::size_t x, double height) {
    return height == 0 ? "" : fmt::format("M{} {}v{:.1f}h1v{:.1f}z", x, middle, height, -height);
}

html picture(const std::vector<bar>& bars) {
    std::uint64_t most = 1;
    for (const auto& one : bars) {
        most = std::max({most, one.up, one.down});
    }
    std::string up;
    std::string down;
    for (std::size_t i = 0; i < bars.size(); ++i) {
        const auto x = room - bars.size() + i;
        up += rectangle(x, -length_of(bars[i].up, most));
        down += rectangle(x, length_of(bars[i].down, most));
    }
    return markup(R"(<svg class="chart" viewBox="0 0 {0} 60" preserveAspectRatio="none" )"
                  R"(aria-hidden="true" focusable="false"><path class="up" d="{1}"/>)"
                  R"(<path class="down" d="{2}"/><path class="line" d="M0 30h{0}"/></svg>)",
                  room, up, down);
}

} // namespace

html figure(const series& what, const std::vector<sample>& history) {
    const auto bars = bars_of(what, history);
    if (bars.empty()) {
        return markup("<figure><figcaption><b>{}</b>: counted from now on</figcaption></figure>",
                      what.title);
    }
    std::uint64_t up = 0;
    std::uint64_t down = 0;
    for (const auto& one : bars) {
        up += one.up;
        down += one.down;
    }
    const auto span = std::chrono::floor<std::chrono::seconds>(
        history.back().at - history[history.size() - 1 - bars.size()].at);
    return markup(R"(<figure><figcaption><b>{}</b> in the last {}: )"
                  R"(<span class="up"><i aria-hidden="true">▲</i> {} {}</span>, )"
                  R"(<span class="down"><i aria-hidden="true">▼</i> {} {}</span></figcaption>{})"
                  R"(</figure>)",
                  what.title, span_text(span), what.amount(static_cast<double>(up)), what.up_word,
                  what.amount(static_cast<double>(down)), what.down_word, picture(bars));
}

} // namespace roachpin::telemetry::page
