#pragma once

#include "core/event.hpp"
#include "net/dial.hpp"
#include "net/retirement.hpp"
#include "pgwire/error_response.hpp"
#include "policy/admission.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Every sentence roachpin says to a client, in one place. Pure.
namespace roachpin::net {

/// What the client is told, and the label under which the log and metrics count it.
struct client_error {
    std::string_view reason;
    pgwire::error_fields fields;
};

/// One address that was dialled in vain.
struct failed_dial {
    std::string node;
    std::string address;
    dial_failure failure;
};

/// The event of a client that is refused for this. `told`: whether it can read why.
core::events::client_refused to_event(core::client_facts client, const client_error& why,
                                      bool told);

/// 08004 where any node was reached and refused, since that is what an operator must look at; what
/// the nodes themselves said (57P01, 57P03, 53300), where any did; otherwise 08001. DETAIL holds
/// every address and why; `known`, where there was none to try.
client_error no_usable_node(const std::vector<failed_dial>& failures, std::string_view known);

client_error malformed_opening(std::string_view sentence);
client_error opening_too_slow(core::duration allowed);
client_error not_admitted(const policy::admission_refusal& why);
client_error tls_required(const policy::admission_refusal& why);
client_error certificate_required(std::string_view presented);
client_error too_many_connections(std::string_view setting, std::size_t limit);
client_error draining();
client_error still_starting(std::string_view why);
client_error retired(const retirement& order);
client_error cut(const retirement& order);
/// `why`: what the system or TLS said; empty where the node just closed.
client_error node_went_away(std::string_view node, std::string_view address, std::string_view why);

} // namespace roachpin::net
