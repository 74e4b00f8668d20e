#pragma once

#include "core/time.hpp"
#include "telemetry/event_line.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace roachpin::telemetry {

/// What lines of one kind have in common: all but the client and what it took.
std::string kind_of(const event_line& line);

/// Keeps a flood of one kind out of the log: of lines that differ in nothing but the client and
/// what it took, the first is written at once, and one more each `window`, with how many came in
/// it (`repeated`). Only lines that may be folded. Pure: time is given. One thread's at a time.
class folding {
public:
    using numbered_line = std::pair<core::event_id, event_line>;

    explicit folding(core::duration window = std::chrono::seconds(60)) : window_(window) {}

    /// Whether `line` is to be written now; otherwise it is held, and stands for itself and others
    /// later.
    bool is_news(core::event_id id, const event_line& line, core::time_point now);

    /// Those whose window is over, and that stand for held ones.
    std::vector<numbered_line> take_due(core::time_point now);

    /// All that is held.
    std::vector<numbered_line> take_all() { return take_due(core::time_point::max()); }

    /// When `take_due` has something to do; the greatest time where nothing is held.
    core::time_point next_due() const;

private:
    /// More kinds at once are written one by one.
    static constexpr std::size_t most_kinds = 256;

    struct kind {
        core::time_point until;
        std::size_t held = 0;
        numbered_line last{};
    };

    core::duration window_;
    std::map<std::string, kind> kinds_; ///< by what its lines have in common
};

} // namespace roachpin::telemetry
