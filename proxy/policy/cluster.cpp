#include "policy/cluster.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

namespace roachpin::policy {
namespace {

using places = std::vector<candidate>;

void append_rotated(const places& from, std::size_t turn, places& to) {
    for (std::size_t i = 0; i < from.size(); ++i) {
        to.push_back(from[(turn % from.size() + i) % from.size()]);
    }
}

/// Counts change while this sorts: each is read once.
void sort_by_load(places& order) {
    std::vector<std::pair<std::size_t, candidate>> counted;
    counted.reserve(order.size());
    for (auto& one : order) {
        const auto load = one.status ? one.status->sessions->load(std::memory_order_relaxed) : 0;
        counted.emplace_back(load, std::move(one));
    }
    std::stable_sort(counted.begin(), counted.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::transform(counted.begin(), counted.end(), order.begin(),
                   [](auto& one) { return std::move(one.second); });
}

places in_order(const places& members, balance by, std::size_t turn) {
    places order;
    append_rotated(members, turn, order);
    if (by == balance::least_connections) {
        sort_by_load(order);
    } else if (by == balance::random) {
        std::shuffle(order.begin(), order.end(), std::mt19937_64(turn));
    }
    return order;
}

} // namespace

std::vector<member> members_of(std::vector<node> nodes) {
    std::vector<member> members;
    for (auto& one : nodes) {
        const auto target = std::make_shared<const node>(std::move(one));
        for (const auto& where : target->endpoints) {
            members.push_back({{target, where, std::make_shared<place_status>()}});
        }
    }
    return members;
}

cluster::cluster(std::vector<member> members, balance by, std::string waiting, std::string trouble)
    : by_(by), waiting_(std::move(waiting)), trouble_(std::move(trouble)) {
    std::map<unsigned, places> by_tier;
    std::map<unsigned, places> unusable;
    for (auto& one : members) {
        auto& group = one.usable ? by_tier : unusable;
        group[one.at.target->tier].push_back(std::move(one.at));
    }
    for (auto& [tier, group] : by_tier) {
        tiers_.push_back(std::move(group));
    }
    for (auto& [tier, group] : unusable) {
        last_resort_.insert(last_resort_.end(), group.begin(), group.end());
    }
}

std::vector<candidate> cluster::candidates(std::size_t turn) const {
    places order;
    for (const auto& members : tiers_) {
        auto tier = in_order(members, by_, turn);
        std::move(tier.begin(), tier.end(), std::back_inserter(order));
    }
    order.insert(order.end(), last_resort_.begin(), last_resort_.end());
    return order;
}

std::vector<candidate> cluster::preferred() const {
    return tiers_.empty() ? places{} : tiers_.front();
}

} // namespace roachpin::policy
