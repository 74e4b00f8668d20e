#include "policy/roster.hpp"

#include <algorithm>

namespace roachpin::policy {

roster::roster(std::vector<node> nodes) : nodes_(std::move(nodes)) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        for (const auto& where : nodes_[i].endpoints) {
            places_[{i, where}].pinned = true;
        }
        nodes_[i].endpoints.clear();
    }
}

bool roster::set_addresses(std::size_t node, const std::vector<core::endpoint>& allowed) {
    bool changed = false;
    for (auto at = places_.begin(); at != places_.end();) {
        const bool goes =
            at->first.node == node && !at->second.pinned &&
            std::find(allowed.begin(), allowed.end(), at->first.where) == allowed.end();
        changed = changed || (goes && is_in_rotation(at->second));
        at = goes ? places_.erase(at) : std::next(at);
    }
    for (const auto& where : allowed) {
        places_.try_emplace({node, where});
    }
    return changed;
}

std::vector<roster::place> roster::take_due(core::time_point now) {
    std::vector<place> due;
    for (auto& [where, one] : places_) {
        const bool waits = one.now == standing::untried || one.now == standing::failed;
        if (waits && one.again <= now) {
            one.now = standing::being_proved;
            due.push_back(where);
        }
    }
    return due;
}

std::optional<core::time_point> roster::next_due() const {
    std::optional<core::time_point> next;
    for (const auto& [where, one] : places_) {
        if (one.now == standing::untried || one.now == standing::failed) {
            next = next ? std::min(*next, one.again) : one.again;
        }
    }
    return next;
}

bool roster::proved(const place& one) {
    const auto found = places_.find(one);
    if (found == places_.end()) {
        return false;
    }
    const bool enters = !is_in_rotation(found->second);
    found->second.now = standing::proved;
    found->second.was_proved = true;
    found->second.retry.succeeded();
    return enters;
}

core::duration roster::failed(const place& one, failure why, core::time_point now) {
    const auto found = places_.find(one);
    if (found == places_.end()) {
        return {};
    }
    auto& failing = found->second;
    failing.now = standing::failed;
    failing.last = std::move(why);
    const auto wait = failing.retry.failed();
    failing.again = now + wait;
    return wait;
}

void roster::doubt(const core::host_name& host, const core::endpoint& where) {
    for (auto& [at, one] : places_) {
        const bool is_it = at.where == where && nodes_[at.node].host == host;
        if (is_it && one.now == standing::proved) {
            one.now = standing::untried;
            one.again = {};
        }
    }
}

proof_record roster::proofs_of(std::size_t node) const {
    proof_record proofs;
    for (const auto& [where, one] : places_) {
        if (where.node == node && one.now == standing::proved) {
            proofs.now.push_back(where.where);
        }
        if (where.node == node && one.was_proved) {
            proofs.ever.push_back(where.where);
        }
    }
    return proofs;
}

bool roster::is_any_proved() const {
    return std::any_of(places_.begin(), places_.end(),
                       [](const auto& one) { return one.second.now == standing::proved; });
}

std::vector<std::string> roster::sentences(bool hostile_only) const {
    std::vector<std::string> all;
    for (const auto& [where, one] : places_) {
        if (one.now == standing::failed && (one.last.hostile || !hostile_only)) {
            all.push_back(nodes_[where.node].host.text() + " at " + where.where.to_string() + ": " +
                          one.last.sentence);
        }
    }
    return all;
}

std::vector<std::string> roster::failures() const {
    return sentences(false);
}

std::vector<std::string> roster::hostile() const {
    return sentences(true);
}

std::vector<node> roster::in_rotation() const {
    auto nodes = nodes_;
    for (const auto& [where, one] : places_) {
        if (is_in_rotation(one)) {
            nodes[where.node].endpoints.push_back(where.where);
        }
    }
    std::vector<bool> is_empty;
    is_empty.reserve(nodes.size());
    for (const auto& each : nodes) {
        is_empty.push_back(each.endpoints.empty());
    }
    for (const auto& [where, one] : places_) {
        if (is_empty[where.node] && one.was_proved) {
            nodes[where.node].endpoints.push_back(where.where);
        }
    }
    return nodes;
}

} // namespace roachpin::policy
