#pragma once

#include "net/published.hpp"
#include "net/slots.hpp"
#include "policy/admission.hpp"
#include "tls/local_context.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <utility>

namespace roachpin::net {

enum class listener_mode {
    originate,   ///< roachpin speaks TLS of its own to the node
    passthrough, ///< the application's TLS runs end to end
};

/// What a reload may change of a listener.
struct listener_rules {
    policy::admission_rules admission;
    std::optional<tls::local_context> tls{}; ///< set: TLS is offered
    listener_mode mode = listener_mode::originate;
};

/// What the sessions of one listener share; they keep it alive. Any thread.
class listener {
public:
    /// `name`: the bound address, for logs.
    listener(std::string name, listener_rules rules, std::size_t max_connections)
        : name_(std::move(name)), rules_(std::move(rules)), connections_(max_connections) {}

    const std::string& name() const { return name_; }

    std::shared_ptr<const listener_rules> rules() const { return rules_.current(); }

    slot_counter& connections() { return connections_; }

    void change(listener_rules rules, std::size_t max_connections) {
        rules_.replace(std::move(rules));
        connections_.set_limit(max_connections);
    }

    /// It is not configured any more.
    void close() { closed_ = true; }

    bool is_closed() const { return closed_; }

private:
    std::string name_;
    published<listener_rules> rules_;
    slot_counter connections_;
    std::atomic<bool> closed_ = false;
};

} // namespace roachpin::net
