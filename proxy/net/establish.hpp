#pragma once

#include "net/client_errors.hpp"
#include "net/session.hpp"

#include <optional>
#include <utility>
#include <vector>

/// From what a client wants to a node that serves it: candidates in turn, each dialled and proved,
/// and the client's opening replayed on the next one where a node takes no sessions.
namespace roachpin::net {

/// A session at a place, counted there as long as this lives.
class session_place {
public:
    session_place() = default;
    explicit session_place(policy::candidate at);
    session_place(session_place&& other) noexcept;
    session_place& operator=(session_place&& other) noexcept;
    ~session_place();

    /// Empty: of nowhere.
    const std::optional<policy::candidate>& candidate() const { return at_; }

private:
    std::optional<policy::candidate> at_;
};

core::node_facts facts_of(const policy::candidate& at);

/// Who looks for a node. The plane and the facts must outlive the search.
struct node_search {
    data_plane& plane;
    const core::client_facts& client;
    executor where; ///< the client's
};

/// A client's opening.
struct client_startup {
    core::bytes packet; ///< the StartupMessage and what came behind it
    std::uint16_t minor_version = 0;
};

/// Whether there is a node, and why those before it were none.
struct reached {
    bool established = false;
    std::vector<failed_dial> failures{};
};

/// A node, and what happened on the way to it.
struct found_node {
    std::optional<upstream_stream> node{};
    session_place at{};
    core::bytes first_words{}; ///< of the node, for the client
    std::uint64_t sent = 0;    ///< octets it was sent
    std::vector<failed_dial> failures{};
};

struct found_passage {
    std::optional<passthrough_stream> node{};
    session_place at{};
    std::vector<failed_dial> failures{};
};

/// Tries the candidates in turn until one has taken the startup and answered it, or
/// timeouts.establish is over. A node's first answer is looked at before the client hears it:
/// 57P01, 57P03 and 53300 come before authentication, so the startup is replayed on the next
/// candidate; so it is where a node goes away without having said anything. A minor version of the
/// protocol that a node refuses is negotiated down to 3.0 on its behalf. `plan` must outlive the
/// call.
awaitable<found_node> find_node(const session_plan& plan, node_search search,
                                client_startup startup);

/// The same for a cancel request, which nobody answers: to `owner` of its key, where that is known,
/// else to any.
awaitable<found_node> deliver_cancel(const session_plan& plan, node_search search,
                                     core::bytes packet, std::optional<policy::candidate> owner);

/// The same for a client whose own TLS goes to the node: candidates that proved themselves lately.
awaitable<found_passage> find_passage(const session_plan& plan, node_search search);

} // namespace roachpin::net
