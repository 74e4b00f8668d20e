#include "net/client_errors.hpp"

#include <algorithm>

namespace roachpin::net {
namespace {

namespace sqlstate = pgwire::sqlstate;

std::string describe(const failed_dial& one) {
    return one.node + " at " + one.address + ": " + std::string(to_string(one.failure.phase)) +
           ", " + one.failure.reason + ": " + one.failure.detail;
}

pgwire::error_fields may_not_use(std::string detail, std::string hint) {
    return {sqlstate::not_authorized, "this client may not use this roachpin listener",
            std::move(detail), std::move(hint)};
}

} // namespace

core::events::client_refused to_event(core::client_facts client, const client_error& why,
                                      bool told) {
    return {std::move(client), why.fields.sqlstate, std::string(why.reason), why.fields.detail,
            told};
}

client_error no_usable_node(const std::vector<failed_dial>& failures, std::string_view known) {
    const auto is_ours = [](const auto& one) {
        return one.failure.reason == out_of_resources;
    };
    std::string detail;
    for (const auto& one : failures) {
        detail += (detail.empty() ? "" : "\n") + describe(one);
    }
    if (std::any_of(failures.begin(), failures.end(),
                    [](const auto& one) { return one.failure.hostile; })) {
        return {"node_rejected",
                {sqlstate::node_rejected,
                 "roachpin refused the database node: it did not prove to be the one configured",
                 std::move(detail),
                 "Nothing of this session was sent to it. If this is a new set-up, compare ca_file "
                 "and host with the node's own certificate; otherwise find out what answers at "
                 "that address. "}};
    }
    const auto refused = std::find_if(failures.rbegin(), failures.rend(), [](const auto& one) {
        return one.failure.phase == dial_phase::startup && !one.failure.sqlstate.empty();
    });
    if (refused != failures.rend()) {
        return {"nodes_refused",
                {refused->failure.sqlstate,
                 "no database node takes this session: " + refused->failure.detail,
                 std::move(detail), "This is the nodes' own answer, before authentication. "}};
    }
    if (std::any_of(failures.begin(), failures.end(), is_ours)) {
        return {"out_of_resources",
                {sqlstate::too_many, "roachpin has no room for another connection",
                 std::move(detail),
                 "Raise roachpin's limit of open files (ulimit -n, LimitNOFILE), or lower "
                 "limits.max_connections. "}};
    }
    if (failures.empty()) {
        return {"no_node_reached",
                {sqlstate::cannot_connect, "roachpin knows no address of a database node",
                 known.empty() ? "No address was left to try." : std::string(known),
                 "See what the name servers say: roachpin resolve NAME -c FILE. "}};
    }
    return {"no_node_reached",
            {sqlstate::cannot_connect, "roachpin could reach no database node", std::move(detail),
             "Check that the nodes run and that this machine can reach them. "}};
}

client_error malformed_opening(std::string_view sentence) {
    return {"malformed_opening",
            {sqlstate::protocol_violation, "roachpin refused a malformed connection opening",
             std::string(sentence), "Connect with a PostgreSQL 3.x client. "}};
}

client_error opening_too_slow(core::duration allowed) {
    return {"opening_timeout",
            {sqlstate::protocol_violation, "the connection opening took too long",
             "No whole StartupMessage came within " + std::to_string(allowed.count()) +
                 " ms (timeouts.client_opening).",
             ""}};
}

client_error not_admitted(const policy::admission_refusal& why) {
    return {"not_admitted",
            may_not_use("Expected " + why.expected + "; presented: " + why.presented + ".",
                        "Connect from where the listener allows it, or change its "
                        "configuration. ")};
}

client_error tls_required(const policy::admission_refusal& why) {
    return {"tls_required",
            may_not_use("Expected " + why.expected + "; presented: " + why.presented + ".",
                        "Set sslmode=require, or a stricter one, in the client. ")};
}

client_error certificate_required(std::string_view presented) {
    return {"client_certificate",
            may_not_use("Expected a client certificate of the authority in client_ca_file; "
                        "presented: " +
                            std::string(presented) + ".",
                        "Set sslcert and sslkey in the client to a certificate which that "
                        "authority issued. ")};
}

client_error too_many_connections(std::string_view setting, std::size_t limit) {
    return {"too_many_connections",
            {sqlstate::too_many, "roachpin has no room for another connection",
             std::string(setting) + " is " + std::to_string(limit) + " and all are in use.",
             "Close connections that are not needed, or raise " + std::string(setting) + ". "}};
}

client_error draining() {
    return {"draining",
            {sqlstate::admin_shutdown, "roachpin is draining", "It was told to stop.",
             "Connect again: another instance, or this one once it is back. "}};
}

client_error still_starting(std::string_view why) {
    return {"starting",
            {sqlstate::still_starting, "roachpin is starting: no database node can be used yet",
             std::string(why), "Connect again in a moment. "}};
}

client_error retired(const retirement& order) {
    return {"retired",
            {sqlstate::admin_shutdown, "roachpin ended this connection while it was idle",
             order.detail + ".", "Connect again. No statement was under way. "}};
}

client_error cut(const retirement& order) {
    return {"cut",
            {sqlstate::admin_shutdown, "roachpin ended this connection",
             order.detail + "; a statement or transaction was still under way at the deadline.",
             "Connect again. Whether a statement that was running took effect is not known. "}};
}

client_error node_went_away(std::string_view node, std::string_view address, std::string_view why) {
    return {"node_went_away",
            {sqlstate::connection_lost, "the database node went away",
             std::string(node) + " at " + std::string(address) + " ended the connection" +
                 (why.empty() ? " without saying why." : ": " + std::string(why) + "."),
             "Connect again. Whether a statement that was running took effect is not known. "}};
}

} // namespace roachpin::net
