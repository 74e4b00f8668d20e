#pragma once

#include "fuzz.hpp"
#include "settings/problem.hpp"

#include <vector>

namespace roachpin::fuzz {

/// What an operator is told of a file: never nothing, each with its line, on one line of its own
/// that a terminal shows as it is, and of a length that somebody reads.
inline void require_problems(const std::vector<settings::problem>& problems,
                             const std::string& text) {
    constexpr std::size_t longest = 10'000;
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) +
                       static_cast<std::size_t>(std::count(text.begin(), text.end(), '\r')) + 1;
    require(!problems.empty(), "what is refused has a reason");
    for (const auto& one : problems) {
        require(one.where.line <= lines, "a problem's line is one of the file");
        require(one.where.line > 0 || one.sentence.starts_with("the file is empty"),
                "a problem has its line");
        require(!one.sentence.empty(), "a problem has its sentence");
        const auto shown = one.to_string();
        require(has_no_controls(shown), "a problem is one line, and moves no cursor");
        require(is_utf8(shown), "a problem is text, whatever the file was");
        require(shown.size() <= longest, "a problem can be read");
    }
}

} // namespace roachpin::fuzz
