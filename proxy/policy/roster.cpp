#include "policy/roster.hpp"

#include <algorithm>

namespace roachpin::policy {
namespace {

core::duration shortened(core::duration wait, double chance) {
    return core::duration(
        static_cast<core::duration::rep>(static_cast<double>(wait.count()) * (1 - chance / 10)));
}

place_state state_of(roster::failure_kind kind) {
    switch (kind) {
    case roster::failure_kind::hostile:
        return place_state::hostile;
    case roster::failure_kind::not_ready:
        return place_state::not_ready;
    case roster::failure_kind::down:
        break;
    }
    return place_state::down;
}

} // namespace

std::string_view to_string(place_state state) {
    switch (state) {
    case place_state::unknown:
        return "unknown";
    case place_state::ready:
        return "ready";
    case place_state::failing:
        return "failing";
    case place_state::down:
        return "down";
    case place_state::hostile:
        return "hostile";
    case place_state::not_ready:
        break;
    }
    return "not_ready";
}

roster::roster(const std::vector<node>& nodes, health_rules rules) : rules_(rules) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        auto bare = nodes[i];
        bare.endpoints.clear();
        nodes_.push_back(std::make_shared<const node>(std::move(bare)));
        for (const auto& where : nodes[i].endpoints) {
            places_.emplace(place{i, where}, new_record(true));
        }
    }
}

void roster::learn_from(const roster& before) {
    for (auto& entry : places_) {
        const auto& here = entry.first;
        const auto known =
            std::find_if(before.places_.begin(), before.places_.end(), [&](const auto& other) {
                return other.first.where == here.where &&
                       before.nodes_[other.first.node]->host == nodes_[here.node]->host;
            });
        if (known == before.places_.end()) {
            continue;
        }
        auto& one = entry.second;
        const bool pinned = one.pinned;
        const auto retry = one.retry;
        one = known->second;
        // Who counts sessions goes on; who wants a recent proof waits for one under today's rules.
        one.status = std::make_shared<place_status>();
        one.status->sessions = known->second.status->sessions;
        one.pinned = pinned;
        one.retry = retry;
        one.usable = pinned ? !is_failed(one) : one.usable && one.was_proved;
        one.being_proved = false;
        one.doubted = true;
        one.again = {};
    }
}

bool roster::set_addresses(std::size_t node, const std::vector<core::endpoint>& allowed) {
    bool changed = false;
    for (auto at = places_.begin(); at != places_.end();) {
        const bool goes =
            at->first.node == node && !at->second.pinned &&
            std::find(allowed.begin(), allowed.end(), at->first.where) == allowed.end();
        changed = changed || (goes && at->second.was_proved);
        at = goes ? places_.erase(at) : std::next(at);
    }
    for (const auto& where : allowed) {
        places_.try_emplace({node, where}, new_record(false));
    }
    return changed;
}

std::vector<roster::place> roster::take_due(core::time_point now) {
    std::vector<place> due;
    for (auto& [where, one] : places_) {
        if (!one.being_proved && one.again <= now) {
            one.being_proved = true;
            due.push_back(where);
        }
    }
    return due;
}

std::optional<core::time_point> roster::next_due() const {
    std::optional<core::time_point> next;
    for (const auto& [where, one] : places_) {
        if (!one.being_proved) {
            next = next ? std::min(*next, one.again) : one.again;
        }
    }
    return next;
}

roster::change roster::proved(const place& one, moment when) {
    auto* found = find(one);
    if (found == nullptr) {
        return {};
    }
    auto& here = *found;
    here.being_proved = false;
    here.doubted = false;
    // What never was out needs no rise: the first proof admits.
    const unsigned needed = here.was_proved && !here.usable ? rules_.rise : 1;
    here.in_row = here.usable ? 0 : here.in_row + 1;
    here.was_proved = true;
    here.status->proved_at = when.now;
    here.retry.succeeded();
    const auto wait = shortened(rules_.interval, when.chance);
    here.again = when.now + wait;
    change made{.again = wait};
    if (!here.usable && here.in_row >= needed) {
        made.rotation = true;
        here.usable = true;
        here.in_row = 0;
    }
    if (here.usable) {
        made.news = here.state != place_state::ready;
        here.state = place_state::ready;
    }
    made.state = here.state;
    return made;
}

roster::change roster::failed(const place& one, failure why, moment when) {
    auto* found = find(one);
    if (found == nullptr) {
        return {};
    }
    auto& here = *found;
    here.being_proved = false;
    here.doubted = false;
    here.in_row = here.usable ? here.in_row + 1 : 0;
    const auto wait = shortened(here.retry.failed(), when.chance);
    here.again = when.now + wait;
    change made{.again = wait};
    const bool was_known = is_failed(here) || here.state == place_state::failing;
    made.news = !was_known || here.last.reason != why.reason || here.last.kind != why.kind;
    here.last = std::move(why);
    if (here.last.kind == failure_kind::hostile) { // what proved itself there is there no longer
        here.status->proved_at = core::time_point::min();
    }
    if (here.usable && (here.last.kind != failure_kind::down || here.in_row >= rules_.fall)) {
        here.usable = false;
        here.in_row = 0;
        made.rotation = true;
    }
    const auto state = here.usable ? place_state::failing : state_of(here.last.kind);
    made.news = made.news || state != here.state;
    here.state = state;
    made.state = state;
    return made;
}

roster::change roster::postponed(const place& one, moment when) {
    auto* found = find(one);
    if (found == nullptr) {
        return {};
    }
    found->being_proved = false;
    const auto soon = std::min<core::duration>(std::chrono::seconds(1), rules_.interval);
    const auto wait = shortened(soon, when.chance);
    found->again = when.now + wait;
    change made{.again = wait};
    made.state = found->state;
    return made;
}

roster::change roster::refused(const place& one, failure why, moment when) {
    auto* here = find(one);
    if (here == nullptr) {
        return {};
    }
    const bool being_proved = here->being_proved;
    auto made = failed(one, std::move(why), when);
    here->being_proved = being_proved;
    here->retry.succeeded(); // it can be reached
    made.again = shortened(rules_.interval, when.chance);
    here->again = when.now + made.again;
    return made;
}

void roster::doubt(const core::host_name& host, const core::endpoint& where) {
    for (auto& [at, one] : places_) {
        const bool is_it = at.where == where && nodes_[at.node]->host == host;
        if (is_it && is_proved(one) && !one.being_proved) {
            one.doubted = true;
            one.again = {};
        }
    }
}

proof_record roster::proofs_of(std::size_t node) const {
    proof_record proofs;
    for (const auto& [where, one] : places_) {
        if (where.node == node && is_proved(one)) {
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
                       [](const auto& one) { return is_proved(one.second); });
}

std::vector<std::string> roster::failures() const {
    return sentences(false);
}

std::vector<std::string> roster::hostile() const {
    return sentences(true);
}

std::vector<roster::standing> roster::standings() const {
    std::vector<standing> all;
    for (const auto& [at, one] : places_) {
        const bool has_failed = is_failed(one) || one.state == place_state::failing;
        all.push_back({at, one.pinned, one.usable, one.state, has_failed ? one.last : failure{},
                       one.status->sessions->load(std::memory_order_relaxed)});
    }
    return all;
}

std::vector<member> roster::members() const {
    std::vector<member> all;
    for (const auto& [where, one] : places_) {
        if (one.usable || one.pinned || one.was_proved) {
            all.push_back({{nodes_[where.node], where.where, one.status}, one.usable});
        }
    }
    return all;
}

roster::record roster::new_record(bool pinned) const {
    using std::chrono::seconds;
    const auto first = std::min<core::duration>(seconds(1), rules_.interval);
    const auto most = std::max<core::duration>(seconds(30), rules_.interval);
    return {.pinned = pinned, .usable = pinned, .retry = backoff(first, most)};
}

roster::record* roster::find(const place& one) {
    const auto found = places_.find(one);
    return found == places_.end() ? nullptr : &found->second;
}

bool roster::is_failed(const record& one) {
    return one.state == place_state::down || one.state == place_state::hostile ||
           one.state == place_state::not_ready;
}

/// Whether its last dial held, and no session has found otherwise since.
bool roster::is_proved(const record& one) {
    return one.state == place_state::ready && !one.doubted;
}

std::vector<std::string> roster::sentences(bool hostile_only) const {
    std::vector<std::string> all;
    for (const auto& [where, one] : places_) {
        const bool counts = is_failed(one) || one.state == place_state::failing;
        const bool hostile = one.state == place_state::hostile;
        if (counts && (hostile || !hostile_only)) {
            all.push_back(nodes_[where.node]->host.text() + " at " + where.where.to_string() +
                          ": " + one.last.sentence);
        }
    }
    return all;
}

} // namespace roachpin::policy
