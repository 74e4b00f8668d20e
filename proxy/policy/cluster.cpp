#include "policy/cluster.hpp"

#include <map>
#include <utility>

namespace roachpin::policy {

cluster::cluster(std::vector<node> nodes, std::string waiting, std::string trouble)
    : waiting_(std::move(waiting)), trouble_(std::move(trouble)) {
    std::map<unsigned, std::vector<candidate>> by_tier;
    for (auto& one : nodes) {
        const auto target = std::make_shared<const node>(std::move(one));
        for (const auto& where : target->endpoints) {
            by_tier[target->tier].push_back({target, where});
        }
    }
    for (auto& [tier, members] : by_tier) {
        tiers_.push_back(std::move(members));
    }
}

std::vector<candidate> cluster::candidates(std::size_t turn) const {
    std::vector<candidate> order;
    for (const auto& members : tiers_) {
        for (std::size_t i = 0; i < members.size(); ++i) {
            order.push_back(members[(turn % members.size() + i) % members.size()]);
        }
    }
    return order;
}

} // namespace roachpin::policy
