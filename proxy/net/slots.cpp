#include "net/slots.hpp"

#include <boost/asio/post.hpp>

namespace roachpin::net {

opening_places::opening_places(executor control, std::size_t limit)
    : control_(control), limit_(limit), freed_(control, timer::time_point::max()) {}

awaitable<opening_places::place> opening_places::reserve() {
    while (taken_ >= limit_) {
        co_await freed_.async_wait(as_result); // ends by the cancel in give_back
    }
    ++taken_;
    co_return place(this);
}

void opening_places::set_limit(std::size_t limit) {
    limit_ = limit;
    freed_.cancel(); // whoever waits looks again
}

void opening_places::give_back() {
    asio::post(control_, [this] {
        --taken_;
        freed_.cancel_one();
    });
}

} // namespace roachpin::net
