#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace roachpin::net {

/// An immutable value that one thread replaces and all may read. Who has read it keeps what it was.
template <class T>
class published {
public:
    explicit published(T first) : value_(std::make_shared<const T>(std::move(first))) {}

    void replace(T value) {
        auto next = std::make_shared<const T>(std::move(value));
        const std::lock_guard lock(mutex_);
        value_.swap(next);
    }

    std::shared_ptr<const T> current() const {
        const std::lock_guard lock(mutex_);
        return value_;
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
};

} // namespace roachpin::net
