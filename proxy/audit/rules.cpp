#include "audit/rules.hpp"

#include <algorithm>
#include <iterator>

namespace roachpin::audit {

std::vector<finding> judge(const observations& seen, std::chrono::system_clock::time_point now) {
    auto found = judge_configuration(seen, now);
    auto of_names = judge_names(seen);
    auto of_nodes = judge_nodes(seen, now);
    std::move(of_names.begin(), of_names.end(), std::back_inserter(found));
    std::move(of_nodes.begin(), of_nodes.end(), std::back_inserter(found));
    sort(found);
    return found;
}

void sort(std::vector<finding>& findings) {
    std::stable_sort(findings.begin(), findings.end(), [](const finding& a, const finding& b) {
        return a.level != b.level ? a.level > b.level : a.line < b.line;
    });
}

} // namespace roachpin::audit
