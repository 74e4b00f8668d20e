#pragma once

#include <unistd.h>
#include <utility>

namespace roachpin::net {

/// A file descriptor, owned.
class descriptor {
public:
    descriptor() = default;

    explicit descriptor(int fd) : fd_(fd) {}

    descriptor(descriptor&& other) noexcept : fd_(other.release()) {}

    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    ~descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }

    explicit operator bool() const { return fd_ >= 0; }

    int number() const { return fd_; }

    int release() { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

} // namespace roachpin::net
