#include "net/establish.hpp"

#include "net/deadline.hpp"
#include "net/write_all.hpp"
#include "pgwire/first_answer.hpp"
#include "pgwire/protocol_version.hpp"

#include <algorithm>
#include <array>
#include <variant>

namespace roachpin::net {
namespace {

namespace events = core::events;

dial_failure not_tried() {
    return {dial_phase::tcp, "not_tried", "timeouts.establish was over before its turn"};
}

dial_failure went_away(const error_code& cause) {
    return {dial_phase::startup, "closed",
            "the node went away without an answer" + (cause ? ": " + cause.message() : "")};
}

/// `limit`: the setting that it took longer than.
dial_failure silent(const char* limit) {
    return {dial_phase::startup, "timeout",
            std::string("the node did not answer the StartupMessage within ") + limit};
}

/// What a node's first octets came to.
struct node_answered {
    core::bytes words;
};

/// It takes no session, and says so before authentication.
struct node_refuses {
    std::string sqlstate;
    std::string message;
};

/// It may not know the client's minor version of the protocol.
struct minor_refused {};

struct node_gone {
    error_code cause{}; ///< a reset, a TLS alert; none where it just closed
};

using first_reply = std::variant<node_answered, node_refuses, minor_refused, node_gone>;

/// Reads until `received` can be judged, or the socket must be waited for. Apart from its
/// coroutine, whose frame would keep the buffer.
io_result read_more(byte_stream& node, core::bytes& received) {
    std::array<std::uint8_t, 4096> octets; // NOLINT(*-member-init): what is read fills it
    const auto got = node.read_some(octets);
    if (got.status == io_status::ok) {
        received.insert(received.end(), octets.begin(),
                        octets.begin() + static_cast<std::ptrdiff_t>(got.size));
    }
    return got;
}

awaitable<first_reply> hear_first(byte_stream& node, bool minor_asked) {
    core::bytes received;
    while (true) {
        const auto got = read_more(node, received);
        if (is_blocked(got.status)) {
            const auto [failed] = co_await node.wait(got.status);
            if (failed) {
                co_return node_gone{failed};
            }
            continue;
        }
        if (got.status != io_status::ok) {
            co_return node_gone{got.cause};
        }
        auto judged = pgwire::judge_first_answer(received);
        if (std::holds_alternative<pgwire::incomplete>(judged)) {
            continue;
        }
        auto* refused = std::get_if<pgwire::refused>(&judged);
        if (refused != nullptr && pgwire::is_another_nodes_chance(refused->sqlstate)) {
            node_refuses no{std::move(refused->sqlstate), std::move(refused->message)};
            co_return no;
        }
        if (refused != nullptr && minor_asked &&
            pgwire::may_refuse_minor_version(refused->sqlstate)) {
            co_return minor_refused{};
        }
        node_answered yes{std::move(received)};
        co_return yes;
    }
}

/// One search, from its first candidate to its last.
class searching {
public:
    enum class what { session, passage, cancel };

    searching(const session_plan& plan, node_search search, what for_what)
        : plan_(plan), search_(std::move(search)), for_what_(for_what),
          deadline_(core::clock::now() + plan.timeouts.establish) {}

    /// `attempt`: candidate and whether it is the last one → why not, if so.
    template <class Attempt>
    awaitable<void> try_all(std::vector<policy::candidate> candidates, Attempt& attempt) {
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            const auto& one = candidates[i];
            if (core::clock::now() >= deadline_) {
                failures_.push_back({one.target->host.text(), one.where.to_string(), not_tried()});
                continue;
            }
            if (!failures_.empty() && for_what_ == what::session) {
                search_.plane.events.emit(events::startup_replayed{
                    search_.client, facts_of(one), failures_.back().failure.reason});
            }
            at_ = session_place(one);
            auto failed = co_await attempt(one, i + 1 == candidates.size());
            if (!failed) {
                co_return;
            }
            note_failure(one, std::move(*failed));
        }
        at_ = {};
    }

    /// For a session, which takes its turn.
    std::vector<policy::candidate> candidates() const {
        return plan_.cluster.candidates(search_.plane.turn.fetch_add(1));
    }

    /// For a cancel request: `owner`, where that is known, before all others.
    std::vector<policy::candidate>
    candidates_after(const std::optional<policy::candidate>& owner) const {
        auto order = plan_.cluster.candidates(search_.plane.turn.load());
        if (owner) {
            const auto is_owner = [&](const policy::candidate& one) {
                return one.where == owner->where && one.target->host == owner->target->host;
            };
            order.erase(std::remove_if(order.begin(), order.end(), is_owner), order.end());
            order.insert(order.begin(), *owner);
        }
        return order;
    }

    /// For one dial, or for one answer.
    core::time_point soon() const {
        return std::min(deadline_, core::clock::now() + plan_.timeouts.dial);
    }

    core::time_point deadline() const { return deadline_; }

    const session_plan& plan() const { return plan_; }

    const node_search& search() const { return search_; }

    /// Where it ended, and why not before.
    template <class Found>
    Found conclude(Found found) {
        found.at = std::move(at_);
        found.failures = std::move(failures_);
        return found;
    }

private:
    void note_failure(const policy::candidate& one, dial_failure why) {
        const auto facts = facts_of(one);
        search_.plane.events.emit(events::dial_failed{search_.client, facts,
                                                      std::string(to_string(why.phase)), why.reason,
                                                      why.detail, why.hostile});
        if (why.reason != out_of_resources) { // that says nothing about the place
            search_.plane.trouble({one.target->host, one.where, why});
        }
        failures_.push_back({facts.node, facts.address, std::move(why)});
    }

    const session_plan& plan_;
    node_search search_;
    what for_what_;
    core::time_point deadline_;
    session_place at_;
    std::vector<failed_dial> failures_;
};

/// Has one candidate take the opening: a spare connection first, where there is one.
class startup_attempt {
public:
    startup_attempt(searching& search, client_startup startup, found_node& found)
        : search_(search), startup_(std::move(startup)), found_(found) {}

    awaitable<std::optional<dial_failure>> operator()(policy::candidate one, bool last) {
        auto* spares = search_.search().plane.spares;
        if (spares != nullptr) {
            found_.node = spares->take(one, *search_.plan().upstream, search_.search().where);
        }
        if (found_.node) {
            auto failed = co_await begin(search_.soon());
            if (!failed || !failed->sqlstate.empty()) {
                co_return failed;
            }
            // A spare may have died unseen: that says nothing of a fresh connection.
        }
        ask_for_older_protocol();
        auto failed = co_await dial_and_begin(one, last);
        if (failed && wants_older_protocol_) {
            ask_for_older_protocol();
            failed = co_await dial_and_begin(one, last);
        }
        co_return failed;
    }

private:
    awaitable<std::optional<dial_failure>> dial_and_begin(policy::candidate one, bool last) {
        auto dialled =
            co_await dial(std::move(one), *search_.plan().upstream, search_.plan().keepalive,
                          search_.soon(), before_tls::ssl_request, &search_.search().plane.events);
        if (!dialled) {
            co_return dialled.error();
        }
        found_.node = std::move(*dialled);
        // Nobody comes after the last one: it has all the time that is left.
        auto failed = co_await begin(last ? search_.deadline() : search_.soon());
        co_return failed;
    }

    /// Where the node has refused the client's minor version: once, for this client.
    void ask_for_older_protocol() {
        if (std::exchange(wants_older_protocol_, false)) {
            prefix_ = pgwire::encode_negotiate_protocol_version(startup_.packet);
            startup_.packet = pgwire::as_protocol_3_0(startup_.packet);
            startup_.minor_version = 0;
        }
    }

    /// The client's own opening is the first thing the verified node hears.
    awaitable<std::optional<dial_failure>> begin(core::time_point until) {
        auto reply = co_await with_deadline(deliver(), until);
        if (reply && std::holds_alternative<node_answered>(*reply)) {
            found_.sent = startup_.packet.size();
            found_.first_words = std::move(prefix_);
            const auto& words = std::get<node_answered>(*reply).words;
            found_.first_words.insert(found_.first_words.end(), words.begin(), words.end());
            co_return std::nullopt;
        }
        found_.node.reset();
        if (!reply) {
            co_return silent(until < search_.deadline() ? "timeouts.dial" : "timeouts.establish");
        }
        if (auto* refuses = std::get_if<node_refuses>(&*reply)) {
            dial_failure no{dial_phase::startup, refuses->sqlstate, std::move(refuses->message)};
            no.sqlstate = std::move(refuses->sqlstate);
            co_return no;
        }
        wants_older_protocol_ = std::holds_alternative<minor_refused>(*reply);
        const auto* gone = std::get_if<node_gone>(&*reply);
        co_return went_away(gone != nullptr ? gone->cause : error_code());
    }

    awaitable<first_reply> deliver() {
        const bool written = co_await write_all(found_.node->bytes(), startup_.packet);
        if (!written) {
            co_return node_gone{};
        }
        auto reply = co_await hear_first(found_.node->bytes(), startup_.minor_version > 0);
        co_return reply;
    }

    searching& search_;
    client_startup startup_;
    found_node& found_;
    core::bytes prefix_; ///< for the client, before the node's words
    bool wants_older_protocol_ = false;
};

/// Has one candidate take a cancel request.
class cancel_attempt {
public:
    cancel_attempt(searching& search, core::bytes packet, found_node& found)
        : search_(search), packet_(std::move(packet)), found_(found) {}

    awaitable<std::optional<dial_failure>> operator()(policy::candidate one, bool) {
        auto dialled =
            co_await dial(std::move(one), *search_.plan().upstream, search_.plan().keepalive,
                          search_.soon(), before_tls::ssl_request, &search_.search().plane.events);
        if (!dialled) {
            co_return dialled.error();
        }
        found_.node = std::move(*dialled);
        const bool written = co_await write_all(found_.node->bytes(), packet_);
        if (!written) {
            found_.node.reset();
            co_return went_away({});
        }
        co_return std::nullopt;
    }

private:
    searching& search_;
    core::bytes packet_;
    found_node& found_;
};

/// Opens a way for the client's own TLS, to a place that proved itself lately.
class passage_attempt {
public:
    passage_attempt(searching& search, found_passage& found) : search_(search), found_(found) {}

    awaitable<std::optional<dial_failure>> operator()(policy::candidate one, bool) {
        const auto proved_at = one.status ? one.status->proved_at.load() : core::time_point{};
        auto proof = policy::recent_proof::from(std::move(one), proved_at, core::clock::now(),
                                                search_.plan().proof_lasts);
        if (!proof) {
            co_return dial_failure{dial_phase::tcp, "no_recent_proof",
                                   "it did not prove itself within health.interval × health.fall"};
        }
        auto dialled = co_await dial_passthrough(*proof, search_.plan().keepalive, search_.soon(),
                                                 &search_.search().plane.events);
        if (!dialled) {
            co_return dialled.error();
        }
        found_.node.emplace(std::move(*dialled));
        co_return std::nullopt;
    }

private:
    searching& search_;
    found_passage& found_;
};

} // namespace

session_place::session_place(policy::candidate at) : at_(std::move(at)) {
    if (at_->status) {
        at_->status->sessions->fetch_add(1, std::memory_order_relaxed);
    }
}

session_place::session_place(session_place&& other) noexcept
    : at_(std::exchange(other.at_, std::nullopt)) {}

session_place& session_place::operator=(session_place&& other) noexcept {
    std::swap(at_, other.at_);
    return *this;
}

session_place::~session_place() {
    if (at_ && at_->status) {
        at_->status->sessions->fetch_sub(1, std::memory_order_relaxed);
    }
}

core::node_facts facts_of(const policy::candidate& at) {
    return {at.target->host.text(), at.where.to_string()};
}

awaitable<found_node> find_node(const session_plan& plan, node_search search,
                                client_startup startup) {
    found_node found;
    searching all(plan, std::move(search), searching::what::session);
    startup_attempt attempt(all, std::move(startup), found);
    co_await all.try_all(all.candidates(), attempt);
    co_return all.conclude(std::move(found));
}

awaitable<found_node> deliver_cancel(const session_plan& plan, node_search search,
                                     core::bytes packet, std::optional<policy::candidate> owner) {
    found_node found;
    searching all(plan, std::move(search), searching::what::cancel);
    cancel_attempt attempt(all, std::move(packet), found);
    co_await all.try_all(all.candidates_after(owner), attempt);
    co_return all.conclude(std::move(found));
}

awaitable<found_passage> find_passage(const session_plan& plan, node_search search) {
    found_passage found;
    searching all(plan, std::move(search), searching::what::passage);
    passage_attempt attempt(all, found);
    co_await all.try_all(all.candidates(), attempt);
    co_return all.conclude(std::move(found));
}

} // namespace roachpin::net
