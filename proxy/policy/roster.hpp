#pragma once

#include "core/time.hpp"
#include "policy/backoff.hpp"
#include "policy/cluster.hpp"
#include "policy/pin_policy.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace roachpin::policy {

/// Which places are in rotation, and which are to be proved next. Pinned addresses are in rotation
/// from the beginning: every session proves its node anyway. Resolved ones enter it by a verifying
/// dial alone (admission by identity), and leave it when the name's addresses no longer hold them.
///
/// Pure: time and the outcome of dials are given. One thread's.
class roster {
public:
    /// One place of one node.
    struct place {
        std::size_t node = 0;
        core::endpoint where;

        friend auto operator<=>(const place&, const place&) = default;
    };

    /// How a verifying dial of a place failed.
    struct failure {
        bool hostile = false;
        std::string sentence;
    };

    /// Nodes with endpoints are pinned, those without are resolved.
    explicit roster(std::vector<node> nodes);

    const std::vector<node>& nodes() const { return nodes_; }

    /// The addresses a resolved node may have from now on. Returns whether the rotation changed.
    bool set_addresses(std::size_t node, const std::vector<core::endpoint>& allowed);

    /// The places whose turn to be proved has come. They count as being proved until the outcome is
    /// said.
    std::vector<place> take_due(core::time_point now);

    /// When the next turn comes; nothing where no place waits for one.
    std::optional<core::time_point> next_due() const;

    /// The outcome of a dial. A place that has left in the meantime is not there any more. Returns
    /// whether the rotation changed.
    bool proved(const place& one);
    /// Returns how long until the next try.
    core::duration failed(const place& one, failure why, core::time_point now);

    /// A session could not be had there: a proof that was counts no longer, and a new one is due at
    /// once. Until it fails, the place stays in rotation.
    void doubt(const core::host_name& host, const core::endpoint& where);

    bool knows(const place& one) const { return places_.contains(one); }

    proof_record proofs_of(std::size_t node) const;

    bool is_any_proved() const;

    /// Why those that did not prove themselves did not: "crdb-0.crdb.internal at 10.1.2.3:26257:
    /// …".
    std::vector<std::string> failures() const;
    /// Of them, those that were reached and are not what they should be.
    std::vector<std::string> hostile() const;

    /// What sessions may be given to. A node all of whose places fail has those that were proved
    /// once: each session has them prove themselves anyway.
    std::vector<node> in_rotation() const;

private:
    enum class standing { untried, being_proved, proved, failed };

    struct record {
        standing now = standing::untried;
        bool pinned = false;
        bool was_proved = false; ///< once; a place that is doubted is untried again
        failure last{};
        core::time_point again{};
        backoff retry{std::chrono::seconds(1), std::chrono::seconds(30)};
    };

    static bool is_in_rotation(const record& one) {
        return one.pinned || (one.was_proved && one.now != standing::failed);
    }

    std::vector<std::string> sentences(bool hostile_only) const;

    std::vector<node> nodes_; ///< without their endpoints
    std::map<place, record> places_;
};

} // namespace roachpin::policy
