#pragma once

#include "core/time.hpp"

#include <algorithm>

namespace roachpin::policy {

/// Doubles from `first` to `most`; starts over when told of a success.
class backoff {
public:
    backoff(core::duration first, core::duration most) : first_(first), most_(most), next_(first) {}

    /// How long to wait after this failure.
    core::duration failed() {
        const auto wait = next_;
        next_ = std::min(next_ * 2, most_);
        return wait;
    }

    void succeeded() { next_ = first_; }

private:
    core::duration first_;
    core::duration most_;
    core::duration next_;
};

} // namespace roachpin::policy
