#pragma once

#include "core/endpoint.hpp"
#include "core/host_name.hpp"
#include "core/spki_pin.hpp"

#include <memory>
#include <vector>

namespace roachpin::policy {

/// A node as configured: the name it must prove and the pinned places it may be found at.
struct node {
    core::host_name host;
    std::vector<core::endpoint> endpoints;
    unsigned tier = 0; ///< lower is tried first
    std::vector<core::spki_pin> pins;
};

/// One place to dial for one node.
struct candidate {
    std::shared_ptr<const node> target;
    core::endpoint where;
};

/// The nodes and the order to try them in. Immutable: safe to read from any thread.
class cluster {
public:
    explicit cluster(std::vector<node> nodes);

    /// Every endpoint once, lower tiers first; within a tier the order is rotated by `turn`, so
    /// that callers with consecutive turns spread over its endpoints.
    std::vector<candidate> candidates(std::size_t turn) const;

private:
    std::vector<std::vector<candidate>> tiers_;
};

} // namespace roachpin::policy
