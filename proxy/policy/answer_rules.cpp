#include "policy/answer_rules.hpp"

#include "core/printable.hpp"
#include "policy/endpoint_rules.hpp"
#include "policy/listed.hpp"

#include <algorithm>
#include <set>

namespace roachpin::policy {
namespace {

using refusal = std::optional<answer_refusal>;

struct fault_text {
    answer_fault fault;
    std::string_view label;
    std::string_view finding;
};

constexpr fault_text fault_texts[] = {
    {answer_fault::bogus, "dnssec_bogus", "DNS-BOGUS"},
    {answer_fault::insecure, "dnssec_insecure", "DNS-NOT-AUTHENTICATED"},
    {answer_fault::not_authenticated, "dnssec_not_authenticated", "DNS-NOT-AUTHENTICATED"},
    {answer_fault::alias, "alias", "DNS-CNAME-UNEXPECTED"},
    {answer_fault::target, "srv_target", "DNS-CNAME-UNEXPECTED"},
    {answer_fault::address_class, "address_class", "DNS-ADDRESS-CLASS"},
    {answer_fault::network, "network", "DNS-PUBLIC-FOR-PRIVATE"},
    {answer_fault::not_allowed, "not_allowed", "DNS-ADDRESS-UNEXPECTED"},
    {answer_fault::denied, "denied", "DNS-ADDRESS-UNEXPECTED"},
    {answer_fault::own_listener, "own_listener", "CFG-SELF-ADDRESS"},
    {answer_fault::too_many, "too_many", "DNS-ADDRESS-UNEXPECTED"},
    {answer_fault::lock_chain, "lock_chain", "DNS-LOCK-DRIFT"},
    {answer_fault::lock_address, "lock_address", "DNS-LOCK-DRIFT"},
};

constexpr bool every_fault_has_its_row() {
    for (std::size_t i = 0; i < std::size(fault_texts); ++i) {
        if (fault_texts[i].fault != answer_fault{static_cast<int>(i)}) {
            return false;
        }
    }
    return std::size(fault_texts) == static_cast<std::size_t>(answer_fault::lock_address) + 1;
}

static_assert(every_fault_has_its_row());

refusal refuse_proof(const named_answer& said, const answer_rules& rules) {
    if (said.proof == authenticity::bogus) {
        const auto why = said.why_bogus.empty() ? "" : " (" + core::printable(said.why_bogus) + ")";
        return answer_refusal{answer_fault::bogus, "the answer's DNSSEC signatures do not hold" +
                                                       why + "; correct the zone's signatures, " +
                                                       "its DS record or the clock"};
    }
    if (said.proof == authenticity::secure || rules.dnssec == dnssec_mode::off) {
        return std::nullopt;
    }
    if (rules.dnssec == dnssec_mode::validate) {
        return answer_refusal{answer_fault::insecure,
                              "resolver.dnssec is validate, and the answer is not signed by a key "
                              "that the trust anchor leads to; sign the zone, or correct "
                              "resolver.trust_anchor_file"};
    }
    return answer_refusal{answer_fault::not_authenticated,
                          "resolver.dnssec is require_ad, and the server did not authenticate the "
                          "answer; sign the zone, or ask a server that validates"};
}

refusal refuse_names(const std::vector<core::dns_name>& names, answer_fault fault,
                     std::string_view what, const answer_rules& rules) {
    for (const auto& name : names) {
        if (std::none_of(rules.cname_allow.begin(), rules.cname_allow.end(),
                         [&](const auto& suffix) { return name.is_within(suffix); })) {
            return answer_refusal{fault, std::string(what) + " leads to " + text_of(name) +
                                             ", outside cname_allow (" + listed(rules.cname_allow) +
                                             "); correct the record, or add its domain to "
                                             "cname_allow after review"};
        }
    }
    return std::nullopt;
}

refusal refuse_number(const named_answer& said, const answer_rules& rules) {
    const auto number = std::set(said.endpoints.begin(), said.endpoints.end()).size();
    if (number <= rules.max_addresses) {
        return std::nullopt;
    }
    return answer_refusal{answer_fault::too_many,
                          "the answer holds " + std::to_string(number) +
                              " addresses, and resolver.max_addresses is " +
                              std::to_string(rules.max_addresses) +
                              "; correct the record, or raise max_addresses after review"};
}

constexpr std::string_view renew_lock = "; after review, renew it with roachpin pin --update";

refusal refuse_lock_chain(const named_answer& said, const answer_rules& rules) {
    if (!rules.lock || said.chain == rules.lock->chain) {
        return std::nullopt;
    }
    return answer_refusal{answer_fault::lock_chain,
                          "the aliases are " + listed(said.chain) + ", and roachpin.lock has " +
                              listed(rules.lock->chain) + std::string(renew_lock)};
}

bool is_outside_lock(const core::endpoint& where, const answer_rules& rules) {
    return rules.lock && std::find(rules.lock->addresses.begin(), rules.lock->addresses.end(),
                                   where.address) == rules.lock->addresses.end();
}

refusal refuse_outside_lock(const core::endpoint& where, const answer_rules& rules) {
    if (!rules.enforce_locked_addresses || !is_outside_lock(where, rules)) {
        return std::nullopt;
    }
    return answer_refusal{answer_fault::lock_address,
                          where.address.to_string() +
                              " is not among the addresses of roachpin.lock (" +
                              listed(rules.lock->addresses) + ")" + std::string(renew_lock)};
}

} // namespace

std::string_view to_string(answer_fault fault) {
    return fault_texts[static_cast<std::size_t>(fault)].label;
}

std::string_view finding_of(answer_fault fault) {
    return fault_texts[static_cast<std::size_t>(fault)].finding;
}

refusal refuse_answer(const named_answer& said, const answer_rules& rules) {
    if (auto refused = refuse_proof(said, rules)) {
        return refused;
    }
    if (auto refused = refuse_names(said.chain, answer_fault::alias, "an alias", rules)) {
        return refused;
    }
    if (auto refused = refuse_names(said.targets, answer_fault::target, "an SRV record", rules)) {
        return refused;
    }
    if (auto refused = refuse_endpoints(said.endpoints, rules)) {
        return refused;
    }
    if (auto refused = refuse_number(said, rules)) {
        return refused;
    }
    if (auto refused = refuse_lock_chain(said, rules)) {
        return refused;
    }
    for (const auto& where : said.endpoints) {
        if (auto refused = refuse_outside_lock(where, rules)) {
            return refused;
        }
    }
    return std::nullopt;
}

refusal refuse_aliases(const std::vector<core::dns_name>& chain, const answer_rules& rules) {
    return refuse_names(chain, answer_fault::alias, "an alias", rules);
}

refusal refuse_endpoint(const core::endpoint& where, const answer_rules& rules) {
    if (auto refused = refuse_endpoints({where}, rules)) {
        return refused;
    }
    return refuse_outside_lock(where, rules);
}

std::vector<core::endpoint> outside_lock(const std::vector<core::endpoint>& endpoints,
                                         const answer_rules& rules) {
    std::vector<core::endpoint> outside;
    std::copy_if(endpoints.begin(), endpoints.end(), std::back_inserter(outside),
                 [&](const auto& where) { return is_outside_lock(where, rules); });
    return outside;
}

} // namespace roachpin::policy
