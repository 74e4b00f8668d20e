#include "audit/catalogue.hpp"
#include "audit/rules.hpp"
#include "audit/wording.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace roachpin::audit {
namespace {

using settings::line_of;
using std::chrono::system_clock;

/// A dial's own label for a lack of descriptors or memory (net/dial.hpp).
constexpr std::string_view out_of_resources = "out_of_resources";

/// Labels of tls::peer_fault which are findings of their own; the others mean TLS-VERIFY-FAILED.
std::string_view id_of_refusal(const dial_trouble& trouble) {
    struct row {
        std::string_view reason;
        std::string_view id;
    };

    constexpr row rows[] = {
        {"expired", "TLS-CERT-EXPIRING"},     {"revoked", "TLS-REVOKED"},
        {"crl_unusable", "TLS-REVOKED"},      {"pin_revoked", "TLS-REVOKED"},
        {"pin_mismatch", "TLS-PIN-MISMATCH"}, {"issuer_changed", "TLS-ISSUER-CHANGED"},
    };
    if (trouble.phase == dial_phase::sslrequest) {
        return "TLS-REFUSED";
    }
    const auto* found = std::find_if(std::begin(rows), std::end(rows),
                                     [&](const auto& one) { return one.reason == trouble.reason; });
    return found == std::end(rows) ? "TLS-VERIFY-FAILED" : found->id;
}

std::string_view phase_text(dial_phase phase) {
    switch (phase) {
    case dial_phase::tcp:
        return "tcp";
    case dial_phase::sslrequest:
        return "sslrequest";
    case dial_phase::tls:
        break;
    }
    return "tls";
}

/// What passes the proof and should not be relied on for long.
std::string weakness_of(const proof& shown) {
    std::vector<std::string> reasons;
    const bool is_curve = shown.key_kind == "EC";
    const bool has_modulus = shown.key_kind.starts_with("RSA") || shown.key_kind == "DSA";
    if ((is_curve && shown.key_bits < 256) || (has_modulus && shown.key_bits < 2048)) {
        reasons.push_back("its key is " + shown.key_kind + " with " +
                          std::to_string(shown.key_bits) + " bits");
    }
    if (shown.digest == "SHA1" || shown.digest.starts_with("MD")) {
        reasons.push_back("it is signed with " + shown.digest);
    }
    if (!shown.names_host) {
        reasons.push_back("only a wildcard stands for the host (" + shown.names + ")");
    }
    std::string text;
    for (const auto& reason : reasons) {
        text += (text.empty() ? "" : "; ") + reason;
    }
    return text;
}

/// What is amiss at one node's addresses.
class node_rules {
public:
    node_rules(const observations& seen, std::size_t node, system_clock::time_point now,
               std::vector<finding>& into)
        : node_(seen.configuration.cluster.nodes[node]), told_(seen.nodes[node]), now_(now),
          into_(into) {}

    void judge() {
        for (const auto& one : told_.addresses) {
            if (one.trouble) {
                judge_trouble(one.where.to_string(), *one.trouble);
            }
            if (one.proof) {
                judge_proof(one.where.to_string(), *one.proof);
            }
            for (const auto* said : {&one.startup, &one.health}) {
                if (*said && !(*said)->ready) {
                    note("NODE-NOT-READY", one.where.to_string(), (*said)->sentence);
                }
            }
        }
    }

private:
    void note(std::string_view id, std::string subject, std::string evidence,
              std::optional<severity> level = std::nullopt) {
        into_.push_back(make_finding(id, node_.host.text(), std::move(subject),
                                     line_of(node_.where), std::move(evidence), level));
    }

    void judge_trouble(const std::string& where, const dial_trouble& trouble) {
        if (trouble.reason == out_of_resources) {
            return; // says nothing of the node: see `unfinished`
        }
        const auto evidence = std::string(phase_text(trouble.phase)) + ", " + trouble.reason +
                              ": " + trouble.sentence;
        if (!trouble.hostile) {
            note("NODE-UNREACHABLE", where, evidence);
            return;
        }
        const bool has_ended = trouble.reason == "expired";
        note(id_of_refusal(trouble), where, evidence,
             has_ended ? std::optional(severity::critical) : std::nullopt);
        if (trouble.reason == "weak" || trouble.reason == "tls_version") {
            note("TLS-CERT-WEAK", where, evidence);
        }
    }

    void judge_proof(const std::string& where, const proof& shown) {
        if (shown.ends - now_ < soon) {
            const bool is_leaf = shown.ends_first == shown.subject;
            note("TLS-CERT-EXPIRING", where,
                 (is_leaf ? "" : "of the chain of " + shown.subject + ": ") + shown.ends_first +
                     " " + ending(shown.ends, now_),
                 level_of_ending(shown.ends, now_));
        }
        if (auto weakness = weakness_of(shown); !weakness.empty()) {
            note("TLS-CERT-WEAK", where, shown.subject + ": " + weakness);
        }
    }

    const settings::node& node_;
    const node_observation& told_;
    system_clock::time_point now_;
    std::vector<finding>& into_;
};

/// The places where one key was shown; the first node, in the file's order, that showed it.
struct shown_key {
    std::size_t first_node = 0;
    std::set<core::endpoint> v4{};
    std::set<core::endpoint> v6{};
};

std::map<core::spki_pin, shown_key> keys_of(const observations& seen) {
    std::map<core::spki_pin, shown_key> keys;
    for (std::size_t node = 0; node < seen.nodes.size(); ++node) {
        for (const auto& one : seen.nodes[node].addresses) {
            if (one.proof) {
                auto& key = keys.try_emplace(one.proof->leaf_key, shown_key{.first_node = node})
                                .first->second;
                (one.where.address.is_v4() ? key.v4 : key.v6).insert(one.where);
            }
        }
    }
    return keys;
}

std::string listed(const std::set<core::endpoint>& places) {
    std::string text;
    for (const auto& one : places) {
        text += (text.empty() ? "" : ", ") + one.to_string();
    }
    return text;
}

/// Whoever takes the key from one node can be any of them. A machine may well be reached by IPv4
/// and by IPv6.
void judge_shared_keys(const observations& seen, std::vector<finding>& into) {
    for (const auto& [key, shown] : keys_of(seen)) {
        const auto& more = shown.v4.size() > 1 ? shown.v4 : shown.v6;
        if (more.size() > 1) {
            const auto& node = seen.configuration.cluster.nodes[shown.first_node];
            into.push_back(
                make_finding("TLS-SAME-CERT-ACROSS-NODES", node.host.text(),
                             more.begin()->to_string(), line_of(node.where),
                             "the key " + key.to_base64() + " was shown at " + listed(more)));
        }
    }
}

} // namespace

std::vector<finding> judge_nodes(const observations& seen, system_clock::time_point now) {
    std::vector<finding> found;
    for (std::size_t node = 0; node < seen.nodes.size(); ++node) {
        node_rules(seen, node, now, found).judge();
    }
    judge_shared_keys(seen, found);
    return found;
}

std::vector<std::string> unfinished(const observations& seen) {
    std::vector<std::string> reasons;
    for (std::size_t i = 0; i < seen.nodes.size(); ++i) {
        const auto& host = seen.configuration.cluster.nodes[i].host.text();
        const auto& node = seen.nodes[i];
        for (const auto& one : node.addresses) {
            if (one.trouble && one.trouble->reason == out_of_resources) {
                reasons.push_back(host + " at " + one.where.to_string() +
                                  " could not be dialled: " + one.trouble->sentence);
            }
        }
    }
    return reasons;
}

} // namespace roachpin::audit
