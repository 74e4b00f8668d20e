#pragma once

#include "core/bytes.hpp"
#include "policy/cancel_keys.hpp"
#include "policy/rate_limit.hpp"

#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

namespace roachpin::net {

/// Which node owns which cancel key, for the sessions of all workers. Any thread.
class cancel_registry {
public:
    /// Forgets a key when its session ends.
    class entry {
    public:
        entry() = default;

        entry(cancel_registry& in, policy::cancel_keys::ticket ticket)
            : in_(&in), ticket_(ticket) {}

        entry(entry&& other) noexcept
            : in_(std::exchange(other.in_, nullptr)), ticket_(other.ticket_) {}

        entry& operator=(entry&& other) noexcept {
            std::swap(in_, other.in_);
            std::swap(ticket_, other.ticket_);
            return *this;
        }

        ~entry() {
            if (in_ != nullptr) {
                in_->forget(ticket_);
            }
        }

    private:
        cancel_registry* in_ = nullptr;
        policy::cancel_keys::ticket ticket_ = policy::cancel_keys::ticket::none;
    };

    explicit cancel_registry(std::size_t most) : keys_(most) {}

    entry note(core::bytes key, policy::candidate owner) {
        const std::lock_guard lock(mutex_);
        return entry(*this, keys_.note(std::move(key), std::move(owner)));
    }

    /// Whether a request may be forwarded now. Asked before the key is looked at: what becomes of a
    /// request must tell nobody whether its key was right.
    bool may_forward(core::time_point now) {
        const std::lock_guard lock(mutex_);
        return rate_.take(now);
    }

    std::optional<policy::candidate> owner_of(core::bytes_view key) const {
        const std::lock_guard lock(mutex_);
        return keys_.find(key);
    }

private:
    void forget(policy::cancel_keys::ticket ticket) {
        const std::lock_guard lock(mutex_);
        keys_.forget(ticket);
    }

    /// A failed cancel holds one of a CockroachDB node's few places for a second; a pool of
    /// applications that times out together sends a burst.
    static constexpr double per_second = 50;
    static constexpr double burst = 200;

    mutable std::mutex mutex_;
    policy::cancel_keys keys_;
    policy::rate_limit rate_{per_second, burst};
};

} // namespace roachpin::net
