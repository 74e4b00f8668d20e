#include "net/both_ways.hpp"

#include <algorithm>
#include <sys/epoll.h>

namespace roachpin::net {

both_ways::side::side(byte_stream& bytes, poller& sockets, splice_end when_lost, both_ways& session)
    : stream(bytes), lost(when_lost),
      watch(sockets, bytes.leave_reactor(),
            [this, &session](poller::watch::events came) { session.on_ready(*this, came); }) {}

both_ways::both_ways(byte_stream& client, byte_stream& node, poller& sockets,
                     splice_options options, retirement_bell& bell, core::time_point lifetime_ends)
    : client_{client, sockets, splice_end::client_lost, *this}, node_{node, sockets,
                                                                      splice_end::node_lost, *this},
      up_{.from = client_, .to = node_, .closed = splice_end::client_closed},
      down_{.from = node_, .to = client_, .closed = splice_end::node_closed}, options_(options),
      bell_(bell), lifetime_ends_(lifetime_ends), clock_(client.where()) {
    bell_.on_ring([this] { on_ring(); });
}

void both_ways::start() {
    run(up_);
    run(down_);
    watch_both();
    on_order();
}

core::time_point both_ways::next_look() const {
    const auto next = end_                        ? half_close_until_
                      : options_.idle.count() > 0 ? last_activity_ + options_.idle
                                                  : core::time_point::max();
    return std::min(next, bell_.order() ? bell_.order()->latest : lifetime_ends_);
}

void both_ways::look_at_clock() {
    const auto now = core::clock::now();
    if (end_ && now >= half_close_until_) {
        end_all(splice_end::half_close_timeout);
    } else if (!end_ && options_.idle.count() > 0 && now >= last_activity_ + options_.idle) {
        end_all(splice_end::idle_timeout);
    } else if (bell_.order() && now >= bell_.order()->latest) {
        end_all(splice_end::cut);
    } else if (!bell_.order() && now >= lifetime_ends_) {
        bell_.ring({retirement_reason::lifetime, "The connection is older than lifetime.max"});
    }
}

splice_result both_ways::result() const {
    if (thrown_) {
        std::rethrow_exception(thrown_);
    }
    return {end_.value_or(splice_end::cancelled), up_.moved, down_.moved, false, cause_};
}

void both_ways::wait(direction& way, const side& on, io_status status) {
    way.waits = &on;
    way.waits_for = status == io_status::wants_write ? EPOLLOUT : EPOLLIN;
}

void both_ways::note(direction& way, std::size_t size) {
    way.moved += size;
    if (options_.counted != nullptr) {
        if (&way == &up_) {
            options_.counted->add_to_node(size);
        } else {
            options_.counted->add_to_client(size);
        }
    }
    if (options_.idle.count() > 0) {
        last_activity_ = core::clock::now();
    }
}

void both_ways::end_one(direction& way, splice_end why) {
    if (!end_) {
        end_ = why;
        half_close_until_ = core::clock::now() + options_.half_close;
        clock_.cancel();
    }
    close(way);
}

void both_ways::end_all(splice_end why, error_code cause) {
    if (is_over()) {
        return; // what an ended session's octets run into is not what ended it
    }
    stopped_ = true;
    cause_ = cause;
    if (!end_ || why == splice_end::half_close_timeout) {
        end_ = why;
    }
    clock_.cancel();
}

void both_ways::run(direction& way) {
    way.waits = nullptr;
    if (way.closing) {
        close(way);
    } else {
        pump(way);
    }
}

void both_ways::close(direction& way) {
    way.closing = true;
    const auto told = way.to.stream.close_sending();
    if (told.status == io_status::wants_write) {
        return wait(way, way.to, told.status);
    }
    way.done = true;
    clock_.cancel();
}

void both_ways::on_ready(const side& ready, poller::watch::events came) {
    try {
        for (auto* way : {&up_, &down_}) {
            if (way->waits == &ready && (way->waits_for & came) != 0) {
                run(*way);
            }
        }
        watch_both();
        on_order();
    } catch (...) { // for the coroutine: nobody above can tell whose session it was
        thrown_ = std::current_exception();
        end_all(splice_end::cancelled);
    }
}

void both_ways::on_ring() {
    on_order();
    clock_.cancel(); // there may be a deadline now
}

void both_ways::on_order() {
    if (bell_.order() && !is_over() && !end_) {
        retire_if_idle();
    }
}

void both_ways::watch_both() {
    for (auto* one : {&client_, &node_}) {
        poller::watch::events wanted = 0;
        for (const auto* way : {&up_, &down_}) {
            wanted |= way->waits == one ? way->waits_for : 0;
        }
        one->watch.want(stopped_ ? 0 : wanted);
    }
}

} // namespace roachpin::net
