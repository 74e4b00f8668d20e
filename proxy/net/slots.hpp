#pragma once

#include "net/asio.hpp"

#include <atomic>
#include <cstddef>
#include <utility>

namespace roachpin::net {

/// A bounded count that several threads take from. A `slot` gives back what it took.
class slot_counter {
public:
    class slot {
    public:
        slot() = default;

        slot(slot&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}

        slot& operator=(slot&& other) noexcept {
            std::swap(from_, other.from_);
            return *this;
        }

        ~slot() {
            if (from_ != nullptr) {
                from_->taken_.fetch_sub(1, std::memory_order_relaxed);
            }
        }

        explicit operator bool() const { return from_ != nullptr; }

    private:
        friend class slot_counter;

        explicit slot(slot_counter* from) : from_(from) {}

        slot_counter* from_ = nullptr;
    };

    explicit slot_counter(std::size_t limit) : limit_(limit) {}

    /// An empty slot where the limit is reached.
    slot take() {
        if (taken_.fetch_add(1, std::memory_order_relaxed) < limit()) {
            return slot(this);
        }
        taken_.fetch_sub(1, std::memory_order_relaxed);
        return {};
    }

    std::size_t taken() const { return taken_.load(std::memory_order_relaxed); }

    std::size_t limit() const { return limit_.load(std::memory_order_relaxed); }

    /// What is taken beyond a lower one stays taken.
    void set_limit(std::size_t limit) { limit_.store(limit, std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> limit_;
    std::atomic<std::size_t> taken_ = 0;
};

/// The openings under way. A place is reserved before a connection is accepted, so that whatever
/// accept(2) hands over is already accounted for. Places are reserved on the control thread and
/// come back from any thread.
///
/// Must outlive every `place`, and its executor must outlive it.
class opening_places {
public:
    class place {
    public:
        place() = default;

        place(place&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}

        place& operator=(place&& other) noexcept {
            std::swap(from_, other.from_);
            return *this;
        }

        ~place() {
            if (from_ != nullptr) {
                from_->give_back();
            }
        }

    private:
        friend class opening_places;

        explicit place(opening_places* from) : from_(from) {}

        opening_places* from_ = nullptr;
    };

    opening_places(executor control, std::size_t limit);

    /// Waits for a free place. Control thread only.
    awaitable<place> reserve();

    /// Control thread only. Places beyond a lower limit are not taken away.
    void set_limit(std::size_t limit);

    /// Whether more than half of the places are taken. Control thread only.
    bool is_crowded() const { return taken_ * 2 > limit_; }

private:
    void give_back();

    executor control_;
    std::size_t limit_; ///< this and the next: control thread only
    std::size_t taken_ = 0;
    timer freed_;
};

} // namespace roachpin::net
