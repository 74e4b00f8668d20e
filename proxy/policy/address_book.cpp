#include "policy/address_book.hpp"

#include <algorithm>
#include <tuple>

namespace roachpin::policy {
namespace {

constexpr std::uint64_t lately = 3;         ///< clean answers of one server
constexpr unsigned missing_rounds_due = 2;  ///< one may be a server that has not caught up yet
constexpr std::size_t waiting_per_room = 4; ///< unaccepted addresses remembered for each accepted
constexpr int waiting_refreshes = 3;        ///< how long, after it was last named

bool contains(const std::vector<core::endpoint>& all, const core::endpoint& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

} // namespace

std::size_t needed_votes(const pin_rules& rules) {
    return std::max<std::size_t>(rules.agreement, 1);
}

address_book::address_book(pin_state& state, const pin_rules& rules, core::time_point now,
                           const proof_record& proofs)
    : state_(state), rules_(rules), now_(now), proofs_(proofs) {}

void address_book::enforce_rules() {
    std::erase_if(state_.addresses, [&](const entry& one) {
        return refuse_endpoint(one.first, rules_.answers).has_value();
    });
    while (accepted().size() > rules_.answers.max_addresses) {
        state_.addresses.erase(least_wanted([](const entry&) { return true; }));
    }
}

void address_book::note(const std::vector<clean_answer>& clean) {
    for (const auto& [server, said, on_v4, on_v6] : clean) {
        const auto answer = ++state_.clean_answers[server];
        for (const auto& where : said->endpoints) {
            auto& known = state_.addresses[where];
            known.named[server] = answer;
            known.last_named = now_;
            known.missing_rounds = 0;
            named_now_.insert(where);
        }
    }
}

void address_book::count_missing(bool v4, bool v6) {
    for (auto& [where, known] : state_.addresses) {
        if (where.address.is_v4() ? !v4 : !v6) {
            continue;
        }
        const bool has_votes = votes(known) >= needed_votes(rules_) && !is_out_of_date(known);
        if (known.accepted && !named_now_.contains(where) && !has_votes) {
            ++known.missing_rounds;
        }
    }
}

void address_book::accept_named() {
    auto room = rules_.answers.max_addresses - accepted().size();
    for (auto* one : worth_accepting()) {
        if (room > 0) {
            --room;
        } else if (!make_room()) {
            return;
        }
        one->second.accepted = true;
    }
}

void address_book::remove_missing() {
    // Successors are never due themselves: what is erased on the way changes no later answer.
    std::erase_if(state_.addresses, [&](const entry& one) {
        return one.second.accepted && is_due(one.second) && has_successor(one);
    });
}

void address_book::forget() {
    for (auto& [where, known] : state_.addresses) {
        std::erase_if(known.named,
                      [&](const auto& vote) { return !is_lately(vote.first, vote.second); });
    }
    // By time as well: two servers that named an address hours apart do not agree on it.
    const auto longest = waiting_refreshes * std::max(rules_.refresh_min, rules_.refresh_max);
    std::erase_if(state_.addresses, [&](const entry& one) {
        const auto& known = one.second;
        return !known.accepted && (known.named.empty() || now_ - known.last_named > longest);
    });
    forget_beyond_bound();
}

bool address_book::is_any_absent() const {
    return std::any_of(state_.addresses.begin(), state_.addresses.end(), [&](const entry& one) {
        return one.second.accepted && !named_now_.contains(one.first);
    });
}

std::vector<core::endpoint> address_book::accepted() const {
    std::vector<core::endpoint> all;
    for (const auto& [where, known] : state_.addresses) {
        if (known.accepted) {
            all.push_back(where);
        }
    }
    return all;
}

bool address_book::is_lately(std::size_t server, std::uint64_t answer) const {
    const auto count = state_.clean_answers.find(server);
    return count != state_.clean_answers.end() && count->second - answer < lately;
}

std::size_t address_book::votes(const known_address& address) const {
    return static_cast<std::size_t>(
        std::count_if(address.named.begin(), address.named.end(),
                      [&](const auto& vote) { return is_lately(vote.first, vote.second); }));
}

bool address_book::is_out_of_date(const known_address& address) const {
    return rules_.max_stale > core::duration::zero() &&
           now_ - address.last_named > rules_.max_stale;
}

bool address_book::is_due(const known_address& address) const {
    if (is_out_of_date(address)) {
        return address.missing_rounds > 0;
    }
    return address.missing_rounds >= missing_rounds_due &&
           now_ - address.last_named >= rules_.removal_hold;
}

bool address_book::was_proved(const core::endpoint& where) const {
    return contains(proofs_.ever, where);
}

bool address_book::is_proved(const core::endpoint& where) const {
    return contains(proofs_.now, where);
}

/// Of one that is missing: another accepted address that is not; of one that was proved once, one
/// that is proved now.
bool address_book::has_successor(const entry& missing) const {
    return std::any_of(state_.addresses.begin(), state_.addresses.end(), [&](const entry& other) {
        return other.second.accepted && other.second.missing_rounds == 0 &&
               (!was_proved(missing.first) || is_proved(other.first));
    });
}

std::vector<address_book::entry*> address_book::worth_accepting() {
    std::vector<entry*> worth;
    for (auto& one : state_.addresses) {
        if (!one.second.accepted && named_now_.contains(one.first) &&
            votes(one.second) >= needed_votes(rules_)) {
            worth.push_back(&one);
        }
    }
    std::stable_sort(worth.begin(), worth.end(), [&](const entry* a, const entry* b) {
        return votes(a->second) > votes(b->second);
    });
    return worth;
}

/// Whoever comes is the successor of an address that never was proved; others need their own.
bool address_book::make_room() {
    const auto one = least_wanted([&](const entry& candidate) {
        return candidate.second.missing_rounds > 0 &&
               (!was_proved(candidate.first) || has_successor(candidate));
    });
    if (one == state_.addresses.end()) {
        return false;
    }
    state_.addresses.erase(one);
    return true;
}

/// Of the accepted addresses that may go: a missing one before the others, one that never was
/// proved before one that was, then the one that was named the longest ago. The end where none may
/// go.
template <class Predicate>
address_book::entries::iterator address_book::least_wanted(Predicate may_go) {
    const auto rank = [&](const entry& one) {
        return std::tuple(one.second.missing_rounds == 0, was_proved(one.first),
                          one.second.last_named);
    };
    auto least = state_.addresses.end();
    for (auto one = state_.addresses.begin(); one != state_.addresses.end(); ++one) {
        if (one->second.accepted && may_go(*one) &&
            (least == state_.addresses.end() || rank(*one) < rank(*least))) {
            least = one;
        }
    }
    return least;
}

/// What a flood of names leaves behind: the latest, and of these the ones with most votes.
void address_book::forget_beyond_bound() {
    std::vector<entries::iterator> waiting;
    for (auto one = state_.addresses.begin(); one != state_.addresses.end(); ++one) {
        if (!one->second.accepted) {
            waiting.push_back(one);
        }
    }
    const auto bound = waiting_per_room * rules_.answers.max_addresses;
    std::stable_sort(waiting.begin(), waiting.end(), [](const auto& a, const auto& b) {
        return std::tuple(a->second.last_named, a->second.named.size()) >
               std::tuple(b->second.last_named, b->second.named.size());
    });
    for (auto i = bound; i < waiting.size(); ++i) {
        state_.addresses.erase(waiting[i]);
    }
}

} // namespace roachpin::policy
