#pragma once

#include "net/descriptor.hpp"

#include <cstddef>
#include <vector>

namespace roachpin::net {

/// A pipe(2) through which splice(2) moves octets from one socket to another. Non-blocking.
struct pipe {
    descriptor read_end;
    descriptor write_end;

    explicit operator bool() const { return static_cast<bool>(read_end); }
};

/// The pipes of one worker, for one thread. A session has one only while it moves octets, and as
/// long as a side takes nothing of what the pipe holds: an idle session has none.
class pipe_pool {
public:
    /// An empty pipe. Throws boost::system::system_error where none is spare and the kernel grants
    /// none.
    pipe take();

    /// `one` is empty. It is closed where enough are spare.
    void give_back(pipe one);

    /// Whether the next `take` finds one: opens it if need be.
    bool replenish();

private:
    std::vector<pipe> spare_;
};

} // namespace roachpin::net
