#include "policy/cancel_keys.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace roachpin::policy {
namespace {

constexpr std::size_t min_key = 4 + 4;
constexpr std::size_t max_key = 4 + 256;

/// All ones where the two are the same, else 0; without a branch on what they hold.
std::size_t mask_of_same(core::bytes_view left, core::bytes_view right) {
    std::size_t difference = left.size() ^ right.size();
    const auto common = std::min(left.size(), right.size());
    for (std::size_t i = 0; i < common; ++i) {
        difference |= static_cast<std::size_t>(left[i] ^ right[i]);
    }
    // The highest bit of x | -x is set for every x but 0.
    constexpr int highest = std::numeric_limits<std::size_t>::digits - 1;
    return ((difference | (std::size_t{0} - difference)) >> highest) - 1;
}

} // namespace

cancel_keys::ticket cancel_keys::note(core::bytes key, candidate owner) {
    if (entries_.size() >= most_ || key.size() < min_key || key.size() > max_key) {
        return ticket::none;
    }
    entries_.emplace(++last_ticket_, entry{std::move(key), std::move(owner)});
    return ticket{last_ticket_};
}

void cancel_keys::forget(ticket noted) {
    entries_.erase(static_cast<std::uint64_t>(noted));
}

std::optional<candidate> cancel_keys::find(core::bytes_view key) const {
    std::size_t found = 0; ///< its place, from 1 on
    std::size_t place = 0;
    for (const auto& [noted, held] : entries_) {
        ++place;
        const auto same = mask_of_same(held.key, key);
        found = (found & ~same) | (place & same);
    }
    if (found == 0) {
        return std::nullopt;
    }
    return std::next(entries_.begin(), static_cast<std::ptrdiff_t>(found - 1))->second.owner;
}

} // namespace roachpin::policy
