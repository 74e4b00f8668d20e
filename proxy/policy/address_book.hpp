#pragma once

#include "policy/pin_policy.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <vector>

namespace roachpin::policy {

/// An answer that broke no rule, and whose it is.
struct clean_answer {
    std::size_t server = 0;
    const named_answer* said = nullptr; ///< never null
    bool on_v4 = true;                  ///< its questions of that family have answers
    bool on_v6 = true;
};

/// How many servers must have named an address: one at least, whatever is configured.
std::size_t needed_votes(const pin_rules& rules);

/// One round's work on the addresses of a state: the middle of `decide`. Keeps references to what
/// it is made from.
///
/// Three words are used throughout. A server has named an address *lately* when the address is in
/// one of its last three clean answers: weighted and rotating zones show a part of themselves in
/// each. An address has its *votes*: how many servers have lately named it. It is *missing* when
/// enough servers answered, no answer has it, and it would not be accepted today for want of votes.
/// A server that falls silent keeps its votes, so that silencing it does not take away what it
/// alone named; until `max_stale`, for its word is not good for ever.
class address_book {
public:
    address_book(pin_state& state, const pin_rules& rules, core::time_point now,
                 const proof_record& proofs);

    /// Takes out what the rules, which may have changed, forbid or have no room for.
    void enforce_rules();

    /// Writes down who named what in this round.
    void note(const std::vector<clean_answer>& clean);

    /// Counts the round against each address that is missing. To be called after `note`, and only
    /// for families on which enough servers answered.
    void count_missing(bool v4, bool v6);

    /// Accepts what is named in this round and has the votes, most votes first. Where there is no
    /// room, missing addresses make it, without waiting for `removal_hold`.
    void accept_named();

    /// Lets go what has been missing twice and for `removal_hold`, if it has a successor.
    void remove_missing();

    /// Forgets votes that are no longer lately, and unaccepted addresses that nobody names.
    void forget();

    /// Whether an accepted address is in none of this round's answers.
    bool is_any_absent() const;

    std::vector<core::endpoint> accepted() const; ///< sorted

private:
    using entries = std::map<core::endpoint, known_address>;
    using entry = entries::value_type;

    bool is_lately(std::size_t server, std::uint64_t answer) const;
    std::size_t votes(const known_address& address) const;
    bool is_out_of_date(const known_address& address) const;
    bool is_due(const known_address& address) const;
    bool was_proved(const core::endpoint& where) const;
    bool is_proved(const core::endpoint& where) const;
    bool has_successor(const entry& missing) const;
    std::vector<entry*> worth_accepting();
    bool make_room();
    void forget_beyond_bound();

    template <class Predicate>
    entries::iterator least_wanted(Predicate may_go);

    pin_state& state_;
    const pin_rules& rules_;
    core::time_point now_;
    const proof_record& proofs_;
    std::set<core::endpoint> named_now_;
};

} // namespace roachpin::policy
