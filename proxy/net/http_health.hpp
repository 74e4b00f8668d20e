#pragma once

#include "core/time.hpp"
#include "net/asio.hpp"
#include "policy/cluster.hpp"
#include "tls/upstream_context.hpp"

#include <optional>
#include <string>

namespace roachpin::net {

/// Why a node is not taken for ready.
struct health_refusal {
    bool said = false;  ///< the node itself answered that it is not ready (any status but 200);
                        ///< otherwise it could not be asked
    std::string reason; ///< a label: "http_status", "timeout", "malformed", or one of a dial's
    std::string detail; ///< a sentence, printable
};

/// Asks a node by HTTPS whether it is ready (CockroachDB's /health?ready=1). Nothing where it
/// answered 200. `to.where` is the health port's endpoint; the node proves there that it is
/// `to.target`, or nothing is asked: over plain HTTP anybody could answer. `path` goes out as it
/// is: it begins with '/' and has neither blanks nor control characters. `context` must outlive the
/// call.
awaitable<std::optional<health_refusal>> ask_health(policy::candidate to,
                                                    const tls::upstream_context& context,
                                                    std::string path, core::time_point deadline);

} // namespace roachpin::net
