#pragma once

#include "core/ip_address.hpp"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

/// Who may use a listener. Decided when the client has said who it is, so that it can be told why.
namespace roachpin::policy {

struct admission_rules {
    std::vector<core::cidr> allow_from; ///< TCP: the client's address must be inside one
    std::vector<uid_t> allow_uids;      ///< unix sockets: empty lets every uid in
    bool tls_required = false;
};

/// What is known of a client: an address (TCP) or a uid (unix socket, SO_PEERCRED), never both.
struct client_identity {
    std::optional<core::ip_address> address;
    std::optional<uid_t> uid;
};

/// Why a client may not use a listener.
struct admission_refusal {
    std::string expected;
    std::string presented;
};

/// Whether this peer may be served at all; nothing means it may. A peer with neither address nor
/// uid is refused.
std::optional<admission_refusal> refuse_peer(const admission_rules& rules,
                                             const client_identity& client);

/// The same for the encryption it came with.
std::optional<admission_refusal> refuse_plaintext(const admission_rules& rules, bool encrypted);

} // namespace roachpin::policy
