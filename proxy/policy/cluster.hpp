#pragma once

#include "core/endpoint.hpp"
#include "core/host_name.hpp"
#include "core/spki_pin.hpp"
#include "core/time.hpp"
#include "policy/balance.hpp"

#include <atomic>
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

/// What changes about a place without a new snapshot. Shared by all of them; any thread.
struct place_status {
    using counter = std::atomic<std::size_t>;

    /// Sessions under way or established there. Shared by the snapshots before and after a reload,
    /// too: sessions outlive those.
    std::shared_ptr<counter> sessions = std::make_shared<counter>(0);
    /// When roachpin's own dial last had it prove itself; the smallest time: never, or somebody
    /// else answered there since.
    std::atomic<core::time_point> proved_at{core::time_point::min()};
};

/// One place to dial for one node.
struct candidate {
    std::shared_ptr<const node> target;
    core::endpoint where;
    std::shared_ptr<place_status> status{}; ///< null where nobody counts
};

/// A place of a snapshot.
struct member {
    candidate at;
    bool usable = true; ///< false: down, hostile or not ready; tried when nothing else is left
};

/// The nodes' places, each usable.
std::vector<member> members_of(std::vector<node> nodes);

/// The nodes and the order to try them in. Immutable but for the places' status: safe to read from
/// any thread.
class cluster {
public:
    /// `waiting`: why no session can be had yet (start: wait); empty once one can. `trouble`: what
    /// is amiss with names and addresses, a line each.
    explicit cluster(std::vector<member> members, balance by = balance::least_connections,
                     std::string waiting = {}, std::string trouble = {});

    const std::string& waiting() const { return waiting_; }

    const std::string& trouble() const { return trouble_; }

    /// Every place once: the usable ones, lower tiers first, each tier in the order of the balance;
    /// then those that are not usable, since trying them costs less than refusing. Callers with
    /// consecutive turns spread over equals.
    std::vector<candidate> candidates(std::size_t turn) const;

    /// The usable places of the lowest tier that has any: where the next sessions will go.
    std::vector<candidate> preferred() const;

private:
    std::vector<std::vector<candidate>> tiers_;
    std::vector<candidate> last_resort_;
    balance by_;
    std::string waiting_;
    std::string trouble_;
};

} // namespace roachpin::policy
