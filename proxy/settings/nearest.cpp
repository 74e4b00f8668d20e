#include "settings/nearest.hpp"

#include <algorithm>
#include <numeric>

namespace roachpin::settings {
namespace {

constexpr std::size_t most_slips = 2;

/// Levenshtein's distance, a row at a time.
std::size_t distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (const char letter : from) {
        auto diagonal = row.front()++;
        for (std::size_t column = 0; column < to.size(); ++column) {
            const auto changed = diagonal + (letter == to[column] ? 0 : 1);
            diagonal = row[column + 1];
            row[column + 1] = std::min({changed, diagonal + 1, row[column] + 1});
        }
    }
    return row.back();
}

/// The lengths tell most words apart, and keep a key of a megabyte cheap.
bool is_comparable(std::string_view word, std::string_view candidate) {
    const auto [shorter, longer] = std::minmax({word.size(), candidate.size()});
    return longer - shorter <= most_slips;
}

} // namespace

std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
    std::optional<std::string> best;
    auto least = std::min(most_slips, (std::max<std::size_t>(word.size(), 1) - 1) / 2);
    for (const auto& candidate : candidates) {
        if (!is_comparable(word, candidate)) {
            continue;
        }
        const auto slips = distance(word, candidate);
        if (slips < least || (slips == least && !best)) {
            least = slips;
            best = candidate;
        }
    }
    return best;
}

} // namespace roachpin::settings
