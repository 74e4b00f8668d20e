#pragma once

#include "app/assemble.hpp"
#include "core/event_sink.hpp"
#include "net/accept_loop.hpp"
#include "net/listening_socket.hpp"
#include "net/task_group.hpp"
#include "net/worker.hpp"
#include "telemetry/status.hpp"

#include <boost/system/result.hpp>

#include <list>
#include <memory>
#include <vector>

namespace roachpin::app {

using worker_pool = std::vector<std::unique_ptr<net::worker>>;

/// The listeners that are open, and who accepts on them. Control thread. A reload changes those
/// that stay without touching their sockets, adds and removes the others.
class listeners {
public:
    /// All references must outlive it.
    listeners(net::executor control, const worker_pool& workers, net::opening_places& places,
              core::event_source& events);

    /// What is to be open from now on, with sockets for what is not open yet.
    class staged;

    /// Sockets that are to be used instead of binding their places. To be called before the first
    /// `stage`, which refuses those that are at no listener's place: clients would wait there.
    void inherit(std::vector<net::listening_socket> sockets) { inherited_ = std::move(sockets); }

    bool are_inherited() const { return !inherited_.empty(); }

    /// Binds what is new, and then writes export files; nothing is accepted on it, and nothing else
    /// changes, so that it may be dropped again. A sentence for each that cannot be.
    boost::system::result<staged, problems> stage(std::vector<listener_parts> wanted) const;

    /// Puts it in force. The workers must be there.
    net::awaitable<void> commit(staged next);

    /// Stops accepting, but for those who wait already, and closes every socket.
    net::awaitable<void> close();

    std::size_t size() const { return open_.size(); }

    std::vector<telemetry::listener_report> report() const;

    /// By the configured bind.
    made_certificates certificates() const;

private:
    struct door {
        door(core::bind_address bind, net::listening_socket listening)
            : configured(std::move(bind)), socket(std::move(listening)) {}

        core::bind_address configured; ///< port 0 as it was written
        net::listening_socket socket;
        std::shared_ptr<net::listener> listener{};
        std::unique_ptr<net::task_group> accepting{};
        std::shared_ptr<const tls::key_pair> made_certificate{};
    };

    core::result<net::listening_socket> socket_for(const listener_parts& wanted) const;
    problems refuse_inherited(const std::vector<listener_parts>& wanted) const;
    net::awaitable<void> close(door& one);
    void change(door& one, listener_parts& to);
    void begin(door& one, listener_parts& with);

    net::executor control_;
    const worker_pool& workers_;
    net::opening_places& places_;
    core::event_source& events_;
    std::vector<net::listening_socket> inherited_; ///< for as long as the process lives
    std::list<door> open_;                         ///< who accepts holds references
};

class listeners::staged {
private:
    friend class listeners;

    struct entry {
        listener_parts wanted;
        std::list<door> opened; ///< one, or none: `wanted` is open already
    };

    std::vector<entry> entries_;
};

} // namespace roachpin::app
