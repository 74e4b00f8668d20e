#pragma once

#include "core/time.hpp"
#include "policy/backoff.hpp"
#include "policy/cluster.hpp"
#include "policy/pin_policy.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roachpin::policy {

/// How often a place proves itself again, and what its failures count for.
struct health_rules {
    core::duration interval = std::chrono::seconds(5);
    unsigned fall = 2; ///< failures in a row that take a usable place out
    unsigned rise = 1; ///< proofs in a row that bring it back
};

/// How a place stands.
enum class place_state {
    unknown,   ///< not looked at yet
    ready,     ///< its last dial held
    failing,   ///< some dials failed, too few to count as down
    down,      ///< could not be reached, or went away: refused, timeout
    hostile,   ///< reached, and did not prove to be the node: out at once
    not_ready, ///< proved itself, and says that it takes no sessions (draining, no quorum)
};

std::string_view to_string(place_state state); ///< "ready", "not_ready", …

/// Which places may be used, and which are to be proved next. Pinned addresses are usable from the
/// beginning: every session proves its node anyway. Resolved ones become so by a verifying dial
/// alone (admission by identity), and leave when the name's addresses no longer hold them.
///
/// Every place is proved again and again: `interval` after a success, after a failure sooner at
/// first and then less and less often. Up to a tenth of each wait is left out by chance, so that
/// neither places nor proxies are in step.
///
/// Pure: time, chance and the outcome of dials are given. One thread's.
class roster {
public:
    /// One place of one node.
    struct place {
        std::size_t node = 0;
        core::endpoint where;

        friend auto operator<=>(const place&, const place&) = default;
    };

    enum class failure_kind { down, hostile, not_ready };

    /// How a look at a place failed.
    struct failure {
        failure_kind kind = failure_kind::down;
        std::string reason{};   ///< a label
        std::string sentence{}; ///< for people
    };

    /// When a look counts, and the chance of its next one: from 0 to below 1.
    struct moment {
        core::time_point now;
        double chance = 0;
    };

    /// What a look at a place has changed.
    struct change {
        bool rotation = false; ///< what sessions may use has changed
        bool news = false;     ///< the state, or the reason of a failure, is another
        place_state state = place_state::unknown;
        core::duration again{}; ///< until the next look
    };

    /// Nodes with endpoints are pinned, those without are resolved.
    explicit roster(const std::vector<node>& nodes, health_rules rules = {});

    std::size_t size() const { return nodes_.size(); }

    const node& at(std::size_t node) const { return *nodes_[node]; }

    /// The node, without its endpoints; the same object as long as this lives.
    const std::shared_ptr<const node>& shared(std::size_t node) const { return nodes_[node]; }

    /// Takes over what `before` knew of the places that are in both, under whatever rules hold now;
    /// each is to be proved again at once.
    void learn_from(const roster& before);

    /// The addresses a resolved node may have from now on. Returns whether the rotation changed.
    bool set_addresses(std::size_t node, const std::vector<core::endpoint>& allowed);

    /// The places whose turn to be proved has come. They count as being proved until the outcome is
    /// said.
    std::vector<place> take_due(core::time_point now);

    /// When the next turn comes; nothing where no place waits for one.
    std::optional<core::time_point> next_due() const;

    /// The outcome of a look. A place that has left in the meantime is not there any more: nothing
    /// changes.
    change proved(const place& one, moment when);
    change failed(const place& one, failure why, moment when);

    /// There could be no look, for want of something of our own: what is known of the place stays,
    /// and the next look is soon.
    change postponed(const place& one, moment when);

    /// The node has refused a session (kind not_ready): out at once, until a look `interval` later.
    /// A look that is under way goes on.
    change refused(const place& one, failure why, moment when);

    /// A session could not be had there: a proof that was counts no longer, and a new one is due at
    /// once. Until it fails, the place stays usable.
    void doubt(const core::host_name& host, const core::endpoint& where);

    bool knows(const place& one) const { return places_.contains(one); }

    proof_record proofs_of(std::size_t node) const;

    bool is_any_proved() const;

    /// Why those that failed did: "crdb-0.crdb.internal at 10.1.2.3:26257: …".
    std::vector<std::string> failures() const;
    /// Of them, those that were reached and are not what they should be.
    std::vector<std::string> hostile() const;

    /// How each place stands, for people.
    struct standing {
        place at;
        bool pinned = false;
        bool usable = false;
        place_state state = place_state::unknown;
        failure last{}; ///< of a state that a failure led to
        std::size_t sessions = 0;
    };

    std::vector<standing> standings() const;

    /// Every place that a session may be given to, usable or as a last resort: each session has it
    /// prove itself anyway. A resolved place that never proved itself is not among them.
    std::vector<member> members() const;

private:
    struct record {
        bool pinned = false;
        bool was_proved = false; ///< once
        bool usable = false;
        bool being_proved = false;
        bool doubted = false; ///< its last proof counts no longer
        place_state state = place_state::unknown;
        unsigned in_row = 0; ///< failures of a usable place, proofs of one that is not
        failure last{};
        core::time_point again{};
        backoff retry;
        std::shared_ptr<place_status> status = std::make_shared<place_status>();
    };

    record new_record(bool pinned) const;
    record* find(const place& one);
    static bool is_failed(const record& one);
    static bool is_proved(const record& one);
    std::vector<std::string> sentences(bool hostile_only) const;

    health_rules rules_;
    std::vector<std::shared_ptr<const node>> nodes_; ///< without their endpoints
    std::map<place, record> places_;
};

} // namespace roachpin::policy
