#include "audit/catalogue.hpp"
#include "audit/rules.hpp"
#include "audit/wording.hpp"
#include "policy/listed.hpp"

#include <algorithm>

namespace roachpin::audit {
namespace {

using settings::line_of;
using std::chrono::seconds;

constexpr seconds shortest_ttl{5};
constexpr seconds longest_ttl{86400};

using addresses = std::vector<core::ip_address>;

/// What is amiss with one node's name.
class name_rules {
public:
    name_rules(const observations& seen, std::size_t node, std::vector<finding>& into)
        : seen_(seen), node_(seen.configuration.cluster.nodes[node]), told_(seen.nodes[node]),
          into_(into) {}

    void judge() {
        if (!told_.made) {
            return;
        }
        for (const auto& trouble : told_.made->trouble) {
            note(trouble.finding, server(trouble.server),
                 trouble.sentence + seen_of(trouble.server));
            into_.back().mark = mark_of(trouble.server);
        }
        for (const auto& one : told_.said) {
            if (!is_in_trouble(one.server)) {
                judge_halves(one);
                judge_ttl(one);
            }
        }
        if (told_.made->dissent) {
            note("DNS-RESOLVER-DISAGREE", "", told_.made->dissent->sentence);
        }
        judge_drift();
    }

private:
    void note(std::string_view id, std::string subject, std::string evidence) {
        into_.push_back(make_finding(id, node_.host.text(), std::move(subject),
                                     line_of(node_.where), std::move(evidence)));
    }

    std::string server(std::size_t index) const { return server_name(seen_, index); }

    bool is_in_trouble(std::size_t server) const {
        const auto& trouble = told_.made->trouble;
        return std::any_of(trouble.begin(), trouble.end(),
                           [&](const auto& one) { return one.server == server; });
    }

    /// Where an answer led to, in an order of its own: another answer is another finding, which no
    /// baseline knows.
    std::string mark_of(std::size_t server) const {
        std::vector<std::string> seen;
        for (const auto& one : told_.said) {
            const auto* named = std::get_if<policy::named_answer>(&one.said);
            if (one.server == server && named != nullptr) {
                for (const auto& alias : named->chain) {
                    seen.push_back(alias.text());
                }
                for (const auto& where : named->endpoints) {
                    seen.push_back(where.to_string());
                }
            }
        }
        std::sort(seen.begin(), seen.end());
        std::string mark;
        for (const auto& one : seen) {
            mark += one + " ";
        }
        return mark;
    }

    /// " (seen: …)", where there was an answer; nothing where the sentence says it all.
    std::string seen_of(std::size_t server) const {
        for (const auto& one : told_.said) {
            const auto* named = std::get_if<policy::named_answer>(&one.said);
            if (one.server == server && named != nullptr) {
                return " (seen: " + records_text(*named) + ")";
            }
        }
        return "";
    }

    bool may_have(bool v4) const {
        const auto* rules = std::get_if<settings::resolved>(&node_.found);
        return rules != nullptr &&
               std::any_of(rules->allow.begin(), rules->allow.end(),
                           [&](const auto& network) { return network.network().is_v4() == v4; });
    }

    /// A family without an answer is amiss where the node may have addresses of it.
    void judge_halves(const policy::observation& one) {
        if (one.unanswered.v4 && may_have(true)) {
            note(id_of(one.unanswered.v4->kind), server(one.server),
                 "A, though AAAA was answered: " + one.unanswered.v4->sentence);
        }
        if (one.unanswered.v6 && may_have(false)) {
            note(id_of(one.unanswered.v6->kind), server(one.server),
                 "AAAA, though A was answered: " + one.unanswered.v6->sentence);
        }
    }

    static std::string_view id_of(policy::silence_kind kind) {
        switch (kind) {
        case policy::silence_kind::bogus:
            return "DNS-BOGUS";
        case policy::silence_kind::nx_domain:
            return "DNS-NXDOMAIN";
        case policy::silence_kind::dangling:
            return "DNS-DANGLING-CNAME";
        case policy::silence_kind::no_data:
            return "DNS-NODATA";
        case policy::silence_kind::failed:
            return "DNS-SERVFAIL";
        case policy::silence_kind::unreachable:
            break;
        }
        return "DNS-RESOLVER-UNREACHABLE";
    }

    void judge_ttl(const policy::observation& one) {
        const auto* named = std::get_if<policy::named_answer>(&one.said);
        if (named != nullptr && (named->ttl < shortest_ttl || named->ttl > longest_ttl)) {
            note("DNS-TTL-EXTREME", server(one.server),
                 "expected a ttl of " + std::to_string(shortest_ttl.count()) + "s to " +
                     std::to_string(longest_ttl.count()) + "s; seen: " + records_text(*named));
        }
    }

    /// A family that somebody has no answer for is not known to be gone.
    bool is_known(bool v4) const {
        return std::none_of(told_.said.begin(), told_.said.end(), [&](const auto& one) {
            return (v4 ? one.unanswered.v4 : one.unanswered.v6).has_value();
        });
    }

    addresses locked_and_gone(const addresses& now) const {
        addresses gone;
        for (const auto& locked : told_.lock->addresses) {
            if (std::find(now.begin(), now.end(), locked) == now.end() &&
                is_known(locked.is_v4())) {
                gone.push_back(locked);
            }
        }
        return gone;
    }

    static addresses addresses_of(const std::vector<core::endpoint>& endpoints) {
        addresses all;
        for (const auto& one : endpoints) {
            if (all.empty() || all.back() != one.address) { // they are sorted
                all.push_back(one.address);
            }
        }
        return all;
    }

    /// Against the lock: a check has no memory of its own.
    void judge_drift() {
        const auto& made = *told_.made;
        if (!told_.lock || made.usable.empty()) {
            return;
        }
        const auto come = addresses_of(made.outside_lock);
        const auto gone = locked_and_gone(addresses_of(made.usable));
        if (come.empty() && gone.empty()) {
            return;
        }
        const auto text =
            "of the addresses in roachpin.lock (" + policy::listed(told_.lock->addresses) +
            ") are gone: " + policy::listed(gone) + "; not in it: " + policy::listed(come);
        note("DNS-LOCK-DRIFT", "", text);
        const auto changes = come.size() + gone.size();
        const auto locked = told_.lock->addresses.size();
        if (changes >= 2 && changes * 2 > locked) {
            note("DNS-CHANGE-RATE", "",
                 std::to_string(changes) + " changes against " + std::to_string(locked) +
                     " locked: " + text);
        }
    }

    const observations& seen_;
    const settings::node& node_;
    const node_observation& told_;
    std::vector<finding>& into_;
};

} // namespace

std::vector<finding> judge_names(const observations& seen) {
    std::vector<finding> found;
    for (std::size_t node = 0; node < seen.nodes.size(); ++node) {
        name_rules(seen, node, found).judge();
    }
    return found;
}

} // namespace roachpin::audit
