#include "net/slots.hpp"

#include <boost/asio/post.hpp>

namespace roachpin::net {

opening_places::opening_places(executor control, std::size_t limit)
    : control_(control), limit_(limit), free_(limit), freed_(control, timer::time_point::max()) {}

awaitable<opening_places::place> opening_places::reserve() {
    while (free_ == 0) {
        co_await freed_.async_wait(as_result); // ends by the cancel in give_back
    }
    --free_;
    co_return place(this);
}

void opening_places::give_back() {
    asio::post(control_, [this] {
        ++free_;
        freed_.cancel_one();
    });
}

} // namespace roachpin::net
