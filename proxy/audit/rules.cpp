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
    return found;
}

} // namespace roachpin::audit
