#pragma once

#include "net/listener.hpp"
#include "net/retirement.hpp"
#include "policy/admission.hpp"
#include "policy/cluster.hpp"

#include <openssl/ssl.h>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <utility>

namespace roachpin::net {

/// What is known of a session that is under way, for whoever judges it anew.
struct live_session {
    std::shared_ptr<listener> by;
    policy::client_identity client;
    bool in_tls = false;                   ///< the client's side
    std::optional<policy::candidate> at{}; ///< set once a node is found
    const SSL* node = nullptr;             ///< the TLS the node was proved on; null in passthrough
    retirement_bell bell{};
};

/// The sessions of one worker that a node has answered. For the worker's thread.
class live_sessions {
    using sessions = std::list<live_session*>;

public:
    /// Keeps a session among them as long as it lives. After `retire_all` its end is ordered at
    /// once.
    class entry {
    public:
        entry(live_sessions& in, live_session& one)
            : in_(in.all_), at_(in_.insert(in_.end(), &one)) {
            if (in.retiring_) {
                one.bell.ring(*in.retiring_);
            }
        }

        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;

        ~entry() { in_.erase(at_); }

    private:
        sessions& in_;
        sessions::iterator at_;
    };

    /// `judge` may order ends: none comes before this has returned.
    template <class Judge>
    void for_each(Judge judge) {
        for (auto* one : all_) {
            judge(*one);
        }
    }

    /// Orders the end of all that there are, and of all that come: a session whose node was still
    /// being looked for is not forgotten.
    void retire_all(const retirement& order) {
        retiring_ = order;
        for_each([&](live_session& one) { one.bell.ring(order); });
    }

private:
    sessions all_;
    std::optional<retirement> retiring_;
};

} // namespace roachpin::net
