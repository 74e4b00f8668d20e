#pragma once

#include "core/time.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace roachpin::net {

/// Why a session is to end although both sides would go on.
enum class retirement_reason {
    draining,     ///< roachpin is stopping
    lifetime,     ///< the connection is older than lifetime.max
    not_admitted, ///< under the configuration of now it would not have been let in
};

/// A session's end, ordered: it comes when nothing is under way, so that no statement is broken.
struct retirement {
    retirement_reason reason = retirement_reason::draining;
    std::string detail{};                              ///< for the client and the log
    core::time_point latest = core::time_point::max(); ///< then it is cut, whatever is under way
};

/// roachpin is stopping: sessions that are never idle are cut by who stops the worker.
inline retirement draining_order() {
    return {retirement_reason::draining, "roachpin is draining"};
}

/// By which others order a session's end. For the session's own thread.
class retirement_bell {
public:
    /// The first order stays; a later one can only bring its deadline forward.
    void ring(retirement order) {
        if (!order_) {
            order_ = std::move(order);
        } else if (order.latest < order_->latest) {
            order_->latest = order.latest;
        }
        if (heard_) {
            heard_();
        }
    }

    const std::optional<retirement>& order() const { return order_; }

    /// `heard` runs at each ring; an empty one: nobody listens.
    void on_ring(std::function<void()> heard) { heard_ = std::move(heard); }

private:
    std::optional<retirement> order_;
    std::function<void()> heard_;
};

} // namespace roachpin::net
