#pragma once

#include "core/event_sink.hpp"
#include "net/dial.hpp"
#include "net/http_health.hpp"
#include "net/resolver.hpp"
#include "net/task_group.hpp"
#include "policy/pin_policy.hpp"
#include "policy/roster.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace roachpin::net {

/// A node whose addresses are asked for.
struct resolved_name {
    std::size_t node = 0; ///< its place among the nodes
    core::dns_name name;
    std::optional<core::dns_name> srv; ///< asked for instead
    std::uint16_t port = 0;            ///< of A and AAAA; SRV brings its own
    policy::pin_rules rules;
};

/// The nodes' own word on whether they take sessions: it can take a place out, and let none in.
struct http_health {
    std::uint16_t port = 8080;
    std::string path = "/health?ready=1";
    std::shared_ptr<const tls::upstream_context> roots; ///< never null
};

struct discovery_options {
    std::vector<policy::node> nodes; ///< with endpoints: pinned; without: resolved
    std::vector<resolved_name> names;
    policy::health_rules health{};
    core::duration probe = std::chrono::seconds(2); ///< one try to have an address prove itself
    std::optional<http_health> http{};
};

/// What the first round found out.
struct first_look {
    std::vector<std::string> surprises; ///< answers that were refused, places that are hostile
    std::vector<std::string> failures;  ///< what was merely not there
    bool usable = false;                ///< some place proved itself
};

/// How names and places stand, for people.
struct standing {
    /// What a place proved when it last did.
    struct proof {
        core::time_point at;
        tls::peer_facts facts;
    };

    struct place {
        policy::roster::standing what;
        std::optional<proof> last_proof{};
    };

    /// What a server last said; `trouble` is empty where that was clean.
    struct server {
        std::string name;
        std::optional<policy::server_trouble> trouble{};
    };

    struct name {
        std::size_t node = 0;
        core::dns_name asked; ///< the host, or the SRV name
        bool stale = false;
        std::optional<core::time_point> last_good{};
        std::vector<server> servers{}; ///< those that were asked already
        std::string dissent{};
        std::size_t waiting = 0; ///< addresses that too few servers name
        std::vector<core::endpoint> outside_lock{};
    };

    std::vector<place> places; ///< by node
    std::vector<name> names;
};

/// Finds out where the nodes are and has every address prove itself before it is used: asks for the
/// names again and again, and publishes what may be dialled whenever that changes.
///
/// Control thread. Live sessions are no concern of it: they are never closed because an answer
/// changed.
class discovery {
public:
    using publisher = std::function<void(std::vector<policy::member> members)>;

    /// All references must outlive it; `names` may be null where no node is resolved. Nothing is
    /// published before `publish_to`.
    discovery(executor where, discovery_options options, resolver* names,
              std::shared_ptr<const tls::upstream_context> upstream, core::event_source& events);
    discovery(const discovery&) = delete;
    discovery& operator=(const discovery&) = delete;
    ~discovery() = default;

    /// Takes over what `before` knew of names and places that are in both, as far as the rules of
    /// now allow it: what DNS says at this moment, or does not say, changes nothing. Before all
    /// else. `same_servers`: both ask the same list of servers.
    void learn_from(const discovery& before, bool same_servers);

    /// Publishes what may be dialled, now and whenever it changes.
    void publish_to(publisher publish);

    /// Asks for every name and has every place prove itself, once.
    awaitable<first_look> look();

    /// Goes on by itself until `tasks` is cancelled.
    void keep_looking(task_group& tasks);

    /// Asks for every name early.
    void look_again();

    /// A session could not be had at this place: it is proved anew, and its name asked for early.
    void doubt(const core::host_name& host, const core::endpoint& where);

    /// The node said to a session that it takes none: it is left alone until its next proof.
    void note_refusal(const core::host_name& host, const core::endpoint& where,
                      const std::string& reason, const std::string& sentence);

    bool is_any_proved() const { return roster_.is_any_proved(); }

    /// All that is known at this moment.
    net::standing standing() const;

    /// Why names have no addresses, and addresses no proof.
    std::vector<std::string> failures() const;

private:
    struct watched_name {
        watched_name(resolved_name name, executor where) : what(std::move(name)), next(where) {}

        resolved_name what;
        policy::pin_state state{};
        core::time_point due = core::time_point::min(); ///< when it is asked for again
        timer next;                                     ///< rings then
        core::time_point asked_at{};
        bool hurry = false; ///< somebody wanted that early, since it was asked last
        bool was_stale = false;
        std::string dissent{}; ///< what was last said of it
        std::vector<core::endpoint> outside_lock{};
        std::vector<core::endpoint> usable{};
        std::map<std::size_t, std::optional<policy::server_trouble>> said{}; ///< of each server
        std::vector<std::string> refused{};                                  ///< in the last round
        std::vector<std::string> silent{};
    };

    /// Why a place cannot be used, for the log.
    struct place_failure {
        std::string phase; ///< a dial's, or "health"
        std::string reason;
        std::string detail;
        bool hostile = false;
    };

    /// A place by its name, which stays the same over a reload.
    using place_key = std::pair<core::host_name, core::endpoint>;

    place_key key_of(const policy::roster::place& one) const;
    core::node_facts facts_of(const policy::roster::place& one) const;
    void forget_proofs_of_others();
    void look_again(const core::host_name& host);
    awaitable<void> watch(watched_name& one);
    awaitable<void> ask(watched_name& one);

    /// What a server said, and how long that took.
    struct heard {
        std::optional<policy::observation> said{};
        core::clock::duration took{};
    };

    awaitable<void> ask_server(const watched_name& one, std::size_t server, heard& into);
    void tell_asked(const watched_name& one, const heard& what, const policy::decision& decided);
    void conclude(watched_name& one, policy::decision decided);
    void report(watched_name& one, const policy::decision& decided);
    awaitable<void> keep_proving();
    awaitable<void> prove(policy::roster::place one, bool at_first);
    awaitable<inspection> inspect_place(policy::candidate to);
    awaitable<std::optional<health_refusal>> ask_place(policy::candidate to);
    void note_proved(const policy::roster::place& one, const tls::peer_facts& proved);
    void tell_postponed(const policy::roster::place& one, const dial_failure& why);
    void tell_failure(const policy::roster::place& one, const policy::roster::change& change,
                      place_failure why);
    policy::roster::moment this_moment();
    void note_leaf(const policy::roster::place& one, const core::spki_pin& leaf);
    void publish();

    executor where_;
    discovery_options options_;
    resolver* names_;
    std::shared_ptr<const tls::upstream_context> upstream_;
    core::event_source& events_;
    publisher publish_; ///< empty at first
    policy::roster roster_;
    std::minstd_rand random_{std::random_device{}()};
    std::list<watched_name> watched_;                              ///< coroutines hold references
    timer prover_;                                                 ///< rings when a place is due
    std::set<std::pair<std::size_t, core::spki_pin>> told_leaves_; ///< of nodes
    std::map<place_key, net::standing::proof> proofs_;             ///< of places that there are
};

} // namespace roachpin::net
