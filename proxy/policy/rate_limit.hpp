#pragma once

#include "core/time.hpp"

#include <algorithm>

namespace roachpin::policy {

/// A token bucket: `burst` at once, `per_second` in the long run. Starts full. Not thread-safe.
class rate_limit {
public:
    /// `burst` below 1 lets nothing through, `per_second` of 0 only the first burst.
    rate_limit(double per_second, double burst)
        : per_second_(per_second), burst_(burst), tokens_(burst) {}

    /// Whether one more may pass now. A `now` before an earlier one adds nothing.
    bool take(core::time_point now) {
        if (now > filled_at_) {
            const std::chrono::duration<double> passed = now - filled_at_;
            tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
            filled_at_ = now;
        }
        if (tokens_ < 1) {
            return false;
        }
        tokens_ -= 1;
        return true;
    }

private:
    double per_second_;
    double burst_;
    double tokens_;
    core::time_point filled_at_{};
};

} // namespace roachpin::policy
