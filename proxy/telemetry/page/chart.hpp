#pragma once

#include "telemetry/page/html.hpp"
#include "telemetry/status.hpp"

#include <string_view>
#include <vector>

namespace roachpin::telemetry::page {

/// Two counters over time, one drawn upwards and one downwards.
struct series {
    std::string_view title;     ///< "DNS answers"
    std::string_view up_word;   ///< "believed"
    std::string_view down_word; ///< "refused"
    std::uint64_t totals::*up;
    std::uint64_t totals::*down;
    std::string (*amount)(double); ///< how a count is said: words.hpp
};

/// What both counters gained between samples: in words, and as a picture of the same for those who
/// see it. The newest is at the right edge; both directions have one scale, and whatever is not
/// nothing is visible.
html figure(const series& what, const std::vector<sample>& history);

} // namespace roachpin::telemetry::page
