#include "audit/finding.hpp"

#include <algorithm>
#include <array>

namespace roachpin::audit {

std::string_view to_string(severity level) {
    constexpr std::array<std::string_view, 5> names{"info", "low", "medium", "high", "critical"};
    return names.at(static_cast<std::size_t>(level));
}

void sort_findings(report& found) {
    std::stable_sort(found.findings.begin(), found.findings.end(),
                     [](const finding& a, const finding& b) {
                         return a.level != b.level ? a.level > b.level : a.line < b.line;
                     });
}

} // namespace roachpin::audit
