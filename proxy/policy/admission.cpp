#include "policy/admission.hpp"

#include <algorithm>

namespace roachpin::policy {
namespace {

std::optional<admission_refusal> refuse_address(const std::vector<core::cidr>& allowed,
                                                const core::ip_address& address) {
    if (std::any_of(allowed.begin(), allowed.end(),
                    [&](const auto& network) { return network.contains(address); })) {
        return std::nullopt;
    }
    std::string networks;
    for (const auto& network : allowed) {
        networks += (networks.empty() ? "" : ", ") + network.to_string();
    }
    return admission_refusal{"a client address in " + networks + " (allow_from)",
                             address.to_string()};
}

std::optional<admission_refusal> refuse_uid(const std::vector<uid_t>& allowed, uid_t uid) {
    if (allowed.empty() || std::find(allowed.begin(), allowed.end(), uid) != allowed.end()) {
        return std::nullopt;
    }
    std::string uids;
    for (const auto one : allowed) {
        uids += (uids.empty() ? "" : ", ") + std::to_string(one);
    }
    return admission_refusal{"a client of uid " + uids + " (allow_uids)",
                             "uid " + std::to_string(uid)};
}

} // namespace

std::optional<admission_refusal> refuse_peer(const admission_rules& rules,
                                             const client_identity& client) {
    if (client.address) {
        return refuse_address(rules.allow_from, *client.address);
    }
    if (client.uid) {
        return refuse_uid(rules.allow_uids, *client.uid);
    }
    return admission_refusal{"a client with an address or a uid", "neither"};
}

std::optional<admission_refusal> refuse_plaintext(const admission_rules& rules, bool encrypted) {
    if (!rules.tls_required || encrypted) {
        return std::nullopt;
    }
    return admission_refusal{"TLS (tls.required or client_ca_file)", "a connection in clear"};
}

} // namespace roachpin::policy
