#pragma once

#include "net/asked.hpp"
#include "policy/pin_policy.hpp"

#include <cstdint>
#include <optional>
#include <vector>

/// From what a server answered to what the policy judges. Pure.
namespace roachpin::net {

/// The answers to the A and AAAA questions about one name. A family that failed does not void the
/// other; octets that were no reply void both.
struct name_answers {
    asked a;
    asked aaaa;
};

/// All that one server said of a host.
struct inquiry {
    std::optional<asked> record;     ///< SRV, where that was asked for
    std::vector<name_answers> names; ///< of the host; or of the record's targets, in its order
};

/// `server` on one name, at `port`.
policy::observation observe(std::size_t server, const name_answers& told, std::uint16_t port);

/// `server` on a host, at `port`; an SRV record brings its own.
policy::observation observe(std::size_t server, const inquiry& told, std::uint16_t port);

} // namespace roachpin::net
