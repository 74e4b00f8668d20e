#include "net/review.hpp"

#include "tls/peer_check.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace roachpin::net {
namespace {

std::string presented(const std::string& expected, const std::string& seen) {
    return "Expected " + expected + "; presented: " + seen;
}

class reviewer {
    using proof =
        std::tuple<const policy::node*, const X509*, int>; ///< as whom, with what, by which TLS

public:
    explicit reviewer(std::shared_ptr<const review_rules> rules) : rules_(std::move(rules)) {}

    /// Why the session may not go on; nothing where it may.
    std::optional<std::string> refuse(const live_session& one) {
        if (auto why = refuse_client(one)) {
            return why;
        }
        const auto* node = node_of(*one.at);
        if (node == nullptr) {
            return one.at->target->host.text() + " at " + one.at->where.to_string() +
                   " is not configured any more";
        }
        return one.node == nullptr ? std::nullopt : refuse_proof(one, *node);
    }

private:
    static std::optional<std::string> refuse_client(const live_session& one) {
        if (one.by->is_closed()) {
            return "the listener " + one.by->name() + " is not configured any more";
        }
        const auto rules = one.by->rules();
        if (const auto why = policy::refuse_peer(rules->admission, one.client)) {
            return presented(why->expected, why->presented);
        }
        const bool in_tls = one.in_tls || one.node == nullptr; // passed through: always
        if (const auto why = policy::refuse_plaintext(rules->admission, in_tls)) {
            return presented(why->expected, why->presented);
        }
        return std::nullopt;
    }

    /// The configured node that may be at this place.
    const policy::node* node_of(const policy::candidate& at) const {
        for (std::size_t i = 0; i < rules_->nodes.size(); ++i) {
            const auto& node = rules_->nodes[i];
            if (node.host == at.target->host && may_be_at(i, at.where)) {
                return &node;
            }
        }
        return nullptr;
    }

    bool may_be_at(std::size_t node, const core::endpoint& where) const {
        const auto& pinned = rules_->nodes[node].endpoints;
        if (std::find(pinned.begin(), pinned.end(), where) != pinned.end()) {
            return true;
        }
        return std::any_of(rules_->names.begin(), rules_->names.end(), [&](const auto& name) {
            return name.node == node && (name.srv || name.port == where.port) &&
                   !policy::refuse_endpoint(where, name.rules.answers);
        });
    }

    /// Nodes show the same certificate on every connection: one verdict serves them all.
    std::optional<std::string> refuse_proof(const live_session& one, const policy::node& node) {
        const proof shown{&node, SSL_get0_peer_certificate(one.node), SSL_version(one.node)};
        const auto known = proofs_.find(shown);
        if (known != proofs_.end()) {
            return known->second;
        }
        std::optional<std::string> verdict;
        if (const auto why = tls::peer_check::judge_again(*rules_->upstream, node.host, node.pins,
                                                          node.issuer_pins, *one.node)) {
            verdict = presented(why->expected, why->presented);
        }
        return proofs_.emplace(shown, std::move(verdict)).first->second;
    }

    std::shared_ptr<const review_rules> rules_;
    std::map<proof, std::optional<std::string>> proofs_;
};

} // namespace

worker::session_judge judge_by(std::shared_ptr<const review_rules> rules) {
    const auto latest = rules->latest;
    return [reviewer = std::make_shared<class reviewer>(std::move(rules)),
            latest](const live_session& one) -> std::optional<retirement> {
        auto why = reviewer->refuse(one);
        if (!why) {
            return std::nullopt;
        }
        return retirement{retirement_reason::not_admitted, std::move(*why), latest};
    };
}

} // namespace roachpin::net
