#pragma once

#include "core/time.hpp"

#include <optional>

namespace roachpin::policy {

/// Whether roachpin counts as ready, with hysteresis: at once when it can be used, and not any more
/// only after it could not for `hold` without a break. A moment in which every node is away must
/// not take a whole fleet of applications out of their load balancers. Pure; one thread's.
class readiness {
public:
    explicit readiness(core::duration hold) : hold_(hold) {}

    void set_hold(core::duration hold) { hold_ = hold; }

    /// What is seen now. `now` never goes back.
    void note(bool usable, core::time_point now) {
        if (usable) {
            was_ready_ = true;
            since_.reset();
        } else if (!since_) {
            since_ = now;
        }
    }

    bool is_ready(core::time_point now) const {
        return was_ready_ && (!since_ || now - *since_ < hold_);
    }

private:
    core::duration hold_;
    bool was_ready_ = false;                ///< ever
    std::optional<core::time_point> since_; ///< it cannot be used
};

} // namespace roachpin::policy
