#pragma once

#include "core/time.hpp"
#include "policy/cluster.hpp"

#include <optional>
#include <utility>

namespace roachpin::policy {

/// That a candidate proved itself, by a verifying dial, not longer ago than is allowed. It is all
/// that a connection can be given that is not verified itself, and there is no other way to make
/// one: an address that nobody proved cannot be dialled for such a connection.
///
/// It says nothing of later: it is made for a dial, not kept for one.
class recent_proof {
public:
    /// `proved_at`: when `where`, the name at the address, last proved itself. Nothing where that
    /// was longer than `allowed` before `now`. A proof after `now` is as good as one at `now`: it
    /// was published between the clock's reading and the look at it.
    static std::optional<recent_proof> from(candidate where, core::time_point proved_at,
                                            core::time_point now, core::duration allowed) {
        // Not the proof's age: that of "never", the smallest time point, is out of range.
        if (proved_at < now - allowed) {
            return std::nullopt;
        }
        return recent_proof(std::move(where));
    }

    const candidate& where() const { return where_; }

private:
    explicit recent_proof(candidate where) : where_(std::move(where)) {}

    candidate where_;
};

} // namespace roachpin::policy
