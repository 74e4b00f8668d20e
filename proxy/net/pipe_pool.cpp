#include "net/pipe_pool.hpp"

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace roachpin::net {
namespace {

/// One is in use at a time, apart from those whose octets nobody takes; more are kept so that not
/// each of these costs a pipe opened and closed.
constexpr std::size_t spare_at_most = 4;

/// None, and errno, where the kernel refuses: no descriptors, no memory.
pipe new_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        return {};
    }
    return {descriptor(ends[0]), descriptor(ends[1])};
}

} // namespace

pipe pipe_pool::take() {
    if (!replenish()) {
        throw boost::system::system_error(errno, boost::system::system_category(), "pipe2");
    }
    auto one = std::move(spare_.back());
    spare_.pop_back();
    return one;
}

void pipe_pool::give_back(pipe one) {
    if (spare_.size() < spare_at_most) {
        spare_.push_back(std::move(one));
    }
}

bool pipe_pool::replenish() {
    if (spare_.empty()) {
        if (auto one = new_pipe()) {
            spare_.push_back(std::move(one));
        }
    }
    return !spare_.empty();
}

} // namespace roachpin::net
