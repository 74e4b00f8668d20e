#pragma once

#include "policy/answer_rules.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Which addresses a host has, from what servers have said of it over time. Pure: time is given.
namespace roachpin::policy {

enum class silence_kind {
    bogus, ///< a denial whose signatures do not hold
    nx_domain,
    dangling, ///< an alias leads to a name that does not exist: whoever registers it is the target
    no_data,
    failed,      ///< SERVFAIL, REFUSED, …: the server answered, and not with data
    unreachable, ///< no answer, or none that could be used
};

std::string_view to_string(silence_kind kind); ///< "nxdomain", "dangling_alias", "nodata", …

/// A server had nothing to say.
struct silence {
    silence_kind kind = silence_kind::unreachable;
    std::string sentence; ///< rcode, Extended DNS Error, chain; or the transport's error; printable
    bool proven = false;  ///< an authenticated denial
    core::duration ttl{}; ///< of a negative answer; zero where unknown
    std::vector<core::dns_name> chain{}; ///< where aliases led to none the less
};

/// Octets that were no proper answer over TCP either.
struct unusable {
    std::string sentence; ///< printable
};

/// Why questions of a family (A or AAAA, of an SRV target, too) have no answer where others have.
struct half_answers {
    std::optional<silence> v4{};
    std::optional<silence> v6{};
};

/// One server's part of one round of asking.
struct observation {
    std::size_t server = 0; ///< its place in resolver.servers
    std::variant<named_answer, silence, unusable> said;
    half_answers unanswered{}; ///< of an answer: no address of such a family is missing in it
};

/// What is known of a host's addresses by verifying dials.
struct proof_record {
    std::vector<core::endpoint> now;  ///< the last dial held
    std::vector<core::endpoint> ever; ///< some dial held
};

struct pin_rules {
    answer_rules answers;
    std::size_t agreement = 1; ///< servers that must have named an address lately
    core::duration refresh_min = std::chrono::seconds(5);
    core::duration refresh_max = std::chrono::seconds(60);
    core::duration removal_hold = std::chrono::seconds(30);
    core::duration max_stale = std::chrono::hours(24); ///< zero: for ever
};

/// What is remembered of an address.
struct known_address {
    std::map<std::size_t, std::uint64_t> named; ///< server → the last of its clean answers with it;
                                                ///< only while that is one of the server's last 3
    core::time_point last_named{}; ///< by whichever server
    unsigned missing_rounds = 0;   ///< agreeing answers without it, one after the other
    bool accepted = false;         ///< enough servers agreed on it; stays until it is removed
};

/// What is remembered of a host. A value: `decide` makes the next one. Servers are known by their
/// place in resolver.servers: where that list changes, `forget_servers` comes first.
///
/// Bounded, whatever servers say: at most `max_addresses` accepted addresses and four times as many
/// that wait for agreement.
struct pin_state {
    std::map<core::endpoint, known_address> addresses;
    std::map<std::size_t, std::uint64_t> clean_answers; ///< of each server, ever
    std::map<std::size_t, std::string> last_trouble;    ///< what was last said of each server
    std::optional<core::time_point> last_good; ///< the last round with `agreement` clean answers
    unsigned failed_rounds = 0;                ///< without any, one after the other
    std::vector<core::endpoint> compared;      ///< what was accepted at `compared_at`
    core::time_point compared_at{};
};

/// A server's answer was refused, or it gave none.
struct server_trouble {
    std::size_t server = 0;
    std::string reason;  ///< a label: an answer_fault's, a silence_kind's, or "malformed"
    std::string finding; ///< "DNS-NXDOMAIN", …
    std::string sentence;
    bool refused = false; ///< it answered, and what it said is not believed
    bool news = true;     ///< false: the same as the server's last, with no clean answer in between
};

/// Clean answers of two servers that have no address in common, or addresses that too few name.
struct disagreement {
    std::vector<std::size_t> dissenters; ///< servers whose clean answer differs from the most
                                         ///< common one; all of them where none is
    std::string sentence;
};

struct decision {
    pin_state next;
    std::vector<core::endpoint> usable;  ///< accepted, sorted; empty once the state is stale
    std::vector<core::endpoint> added;   ///< newly accepted: to the prover
    std::vector<core::endpoint> removed; ///< accepted before, and no longer
    std::vector<server_trouble> trouble;
    std::vector<std::size_t> recovered; ///< servers that were in trouble before, and are not now
    std::optional<disagreement> dissent;
    std::vector<core::endpoint> outside_lock; ///< accepted, and not in roachpin.lock: a notice
    bool rapid_change = false;  ///< more than half of the addresses, two at least, came or went
                                ///< within some minutes; said where this round changed one
    bool stale = false;         ///< max_stale has passed since `last_good`
    core::duration ask_again{}; ///< from now
};

/// One round's answers → what follows from them. An empty, refused or missing answer takes nothing
/// away. `said` holds at most one observation of each server; `now` never goes back.
///
/// An address that was proved once goes only when another that is still named is proved now: a
/// server that names only addresses where nobody can prove anything does not take the service down,
/// not even while the nodes are away for a moment.
///
/// An accepted address that the rules (changed since) forbid goes at once, the last one too.
decision decide(const pin_state& state, const std::vector<observation>& said,
                const pin_rules& rules, core::time_point now, const proof_record& proofs = {});

/// The same addresses, without who named them and what else was said: for another list of servers.
pin_state forget_servers(pin_state state);

} // namespace roachpin::policy
