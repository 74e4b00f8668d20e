#pragma once

#include "core/event_sink.hpp"
#include "net/listening_socket.hpp"
#include "net/worker.hpp"

#include <memory>
#include <vector>

namespace roachpin::net {

/// Accepts connections and gives each to the least loaded worker, until it is cancelled. Runs on
/// the control thread. An opening's place is reserved before accept(2); errors are waited out, 5 ms
/// at first and 1 s at most, and never end the loop. A peer that will be refused anyway is closed
/// unheard once more than half of the places are taken: it must not keep others out.
///
/// All references must outlive it.
awaitable<void> accept_connections(const listening_socket& socket, std::shared_ptr<listener> by,
                                   const std::vector<std::unique_ptr<worker>>& workers,
                                   opening_places& places, core::event_source& events);

/// Accepts what the kernel has accepted already, for a socket that is about to be closed: those
/// clients would be reset.
awaitable<void> accept_rest(const listening_socket& socket, std::shared_ptr<listener> by,
                            const std::vector<std::unique_ptr<worker>>& workers,
                            opening_places& places, core::event_source& events);

} // namespace roachpin::net
