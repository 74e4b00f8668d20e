#pragma once

#include "core/endpoint.hpp"
#include "core/host_name.hpp"
#include "core/spki_pin.hpp"

#include <memory>
#include <string>
#include <vector>

namespace roachpin::policy {

/// A node: the name it must prove, and the places it may be found at.
struct node {
    core::host_name host;
    std::vector<core::endpoint> endpoints{};
    unsigned tier = 0;                          ///< lower is tried first
    std::vector<core::spki_pin> pins{};         ///< some certificate of the chain must have one
    std::vector<core::spki_pin> issuer_pins{};  ///< of roachpin.lock: who issued the leaf
    std::vector<core::spki_pin> known_leaves{}; ///< of roachpin.lock: another is worth a notice
};

/// One place to dial for one node.
struct candidate {
    std::shared_ptr<const node> target;
    core::endpoint where;
};

/// The nodes and the order to try them in. Immutable: safe to read from any thread.
class cluster {
public:
    /// `waiting`: why no session can be had yet (start: wait); empty once one can. `trouble`: what
    /// is amiss with names and addresses, a line each.
    explicit cluster(std::vector<node> nodes, std::string waiting = {}, std::string trouble = {});

    const std::string& waiting() const { return waiting_; }

    const std::string& trouble() const { return trouble_; }

    /// Every endpoint once, lower tiers first; within a tier the order is rotated by `turn`, so
    /// that callers with consecutive turns spread over its endpoints.
    std::vector<candidate> candidates(std::size_t turn) const;

private:
    std::vector<std::vector<candidate>> tiers_;
    std::string waiting_;
    std::string trouble_;
};

} // namespace roachpin::policy
