#pragma once

#include "net/asio.hpp"
#include "net/descriptor.hpp"
#include "net/dial.hpp"
#include "net/task_group.hpp"
#include "policy/backoff.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace roachpin::net {

struct spare_options {
    std::size_t per_place = 2;                         ///< 0: none is kept
    core::duration max_age = std::chrono::seconds(30); ///< 0: none is kept
    core::duration dial = std::chrono::seconds(5);     ///< one try
    keepalive_options keepalive{};
};

/// Verified connections to the nodes, kept ready before authentication: dialled, and nothing said
/// on them. A session that takes one starts without a TLS handshake.
///
/// They belong to no event loop while they are kept, so that any worker may take one: they lie
/// under a mutex, which is held neither across a wait nor across a dial. The control thread watches
/// them through an epoll instance that knows them by number, not by address: a number that is not
/// found belongs to one that was taken in the meantime.
///
/// Must outlive whoever may still call `take`.
class spare_pool {
public:
    /// `trouble`: told (control thread) where a place could not be dialled; must not throw. Throws
    /// boost::system::system_error where the kernel grants no descriptors. `told`: see `dial`.
    spare_pool(executor control, std::function<void(const policy::candidate&)> trouble,
               core::event_source* told = nullptr);
    spare_pool(const spare_pool&) = delete;
    spare_pool& operator=(const spare_pool&) = delete;
    /// `run` must have ended.
    ~spare_pool() = default;

    /// What is kept from now on. Control thread. Connections of places that are not among them, or
    /// that were proved with another `context` or as another `target` (the same object, not an
    /// equal one), are closed; so are those of dials still under way, when they end.
    void keep(std::vector<policy::candidate> places,
              std::shared_ptr<const tls::upstream_context> context, spare_options options);

    /// Dials and renews until it is cancelled, then closes all. Control thread; once at a time.
    awaitable<void> run();

    /// The oldest that is still good at that place, proved as `at.target` with `context`, on
    /// `where`'s event loop from now on. Any thread; waits for nothing but the mutex.
    std::optional<upstream_stream> take(const policy::candidate& at,
                                        const tls::upstream_context& context, executor where);

    /// How many lie ready, at all places. Any thread.
    std::size_t kept() const;
    /// How many of them at one place of that host's. Any thread.
    std::size_t kept_at(const core::host_name& host, const core::endpoint& where) const;

private:
    struct spare {
        std::uint64_t number; ///< what epoll knows it by; never used again
        core::time_point since;
        upstream_stream stream;
    };

    using spares = std::list<spare>; ///< the oldest first

    /// Closed as it should be when it goes, so that no node logs a truncation. To be declared
    /// before the lock, since that need not be held for it.
    struct discarded {
        discarded() = default;
        discarded(const discarded&) = delete;
        discarded& operator=(const discarded&) = delete;
        ~discarded();

        spares all{};
    };

    struct place {
        explicit place(policy::candidate one) : at(std::move(one)) {}

        void failed(core::time_point now);
        void lost(const spare& one, core::time_point now);

        policy::candidate at;
        spares ready{};
        std::uint64_t dial = 0; ///< the number of the one under way; 0: none is
        policy::backoff pause{std::chrono::seconds(1), std::chrono::seconds(30)};
        core::time_point not_before = core::time_point::min(); ///< no dial until then
    };

    /// One dial.
    struct order {
        std::uint64_t number;
        policy::candidate at;
        std::shared_ptr<const tls::upstream_context> context;
        spare_options options;
    };

    struct duties {
        std::vector<order> dials;
        core::time_point next; ///< when to look again
    };

    awaitable<void> tend(task_group& dials);
    awaitable<void> news(core::time_point latest);
    awaitable<void> dial_one(order what);
    /// Whether it could be kept, or was no longer wanted.
    bool put(const order& what, std::optional<upstream_stream> made);
    duties look(core::time_point now);
    void hear();
    void hear(std::uint64_t number);
    void close_all();
    void wake() const;

    // With the mutex held:

    place* find(const policy::candidate& at);
    bool watch(spare& one) const;
    void remove(spares& from, spares::iterator one, discarded& into) const;

    executor control_;
    std::function<void(const policy::candidate&)> trouble_;
    core::event_source* told_;
    descriptor woken_;   ///< eventfd(2): somebody changed something, look again
    const int epoll_fd_; ///< `epoll_`'s, for the other threads
    asio::posix::basic_stream_descriptor<executor> epoll_;

    mutable std::mutex mutex_; ///< of what follows, and of the TLS of every spare in it
    std::vector<place> places_;
    std::shared_ptr<const tls::upstream_context> context_; ///< every spare was proved with it
    spare_options options_;
    std::uint64_t last_number_ = 0;
};

} // namespace roachpin::net
