#include "net/session.hpp"

#include "core/printable.hpp"
#include "net/client_errors.hpp"
#include "net/deadline.hpp"
#include "net/dial.hpp"
#include "net/farewell.hpp"
#include "net/open_client.hpp"

namespace roachpin::net {
namespace {

namespace events = core::events;
namespace opening = pgwire::opening;

/// How long a client may take to read its refusal.
constexpr auto farewell_time = std::chrono::seconds(2);

core::duration since(core::time_point start) {
    return std::chrono::duration_cast<core::duration>(core::clock::now() - start);
}

core::node_facts facts_of(const policy::candidate& one) {
    return {one.target->host.text(), one.where.to_string()};
}

/// A verified node and what it took to get there; without a node, why each dial failed.
struct establishment {
    std::optional<upstream_stream> node;
    core::node_facts facts;
    std::vector<failed_dial> failures;
};

/// One connection's way through, step by step; the steps share what is known of the client.
class session {
public:
    session(data_plane& plane, listener_rules& listener, std::span<std::uint8_t> scratch,
            accepted_client accepted)
        : plane_(plane), listener_(listener), scratch_(scratch), identity_(accepted.identity),
          place_(std::move(accepted.opening)), client_(std::move(accepted.socket)) {
        facts_.connection = core::connection_id{plane.next_connection.fetch_add(1)};
        facts_.client = std::move(accepted.peer);
        facts_.listener = listener.name;
    }

    awaitable<void> run() {
        if (identity_.address) {
            set_tcp_options(client_.fd(), plane_.keepalive);
        }
        const auto* tls = listener_.tls ? &*listener_.tls : nullptr;
        auto wish = co_await with_deadline(open_client(client_, tls, scratch_, progress_),
                                           core::clock::now() + plane_.timeouts.client_opening);
        place_ = {};
        if (!wish) {
            co_await refuse(opening_too_slow(plane_.timeouts.client_opening));
        } else if (auto* startup = std::get_if<opening::startup>(&*wish)) {
            co_await serve(std::move(*startup));
        } else if (auto* cancel = std::get_if<opening::cancel>(&*wish)) {
            co_await forward_cancel(std::move(cancel->packet));
        } else if (const auto* refused = std::get_if<opening::refuse>(&*wish)) {
            progress_.handshaking = progress_.handshaking || !refused->tell;
            co_await refuse(malformed_opening(refused->sentence));
        } else if (const auto& gone = std::get<client_gone>(*wish); gone.heard_anything) {
            plane_.events.emit(events::client_gone{facts_, gone.reason});
        }
    }

private:
    awaitable<void> serve(opening::startup startup) {
        facts_.user = std::move(startup.message.user);
        facts_.database = std::move(startup.message.database);
        facts_.application_name = std::move(startup.message.application_name);
        if (auto refused = admission_error()) {
            co_return co_await refuse(std::move(*refused));
        }
        const auto listener_slot = listener_.connections.take();
        if (!listener_slot) {
            co_return co_await refuse(
                too_many_connections("listeners[].max_connections", listener_.connections.limit()));
        }
        const auto slot = plane_.connections.take();
        if (!slot) {
            co_return co_await refuse(
                too_many_connections("limits.max_connections", plane_.connections.limit()));
        }
        const auto start = core::clock::now();
        auto reached = co_await establish();
        if (!reached.node) {
            co_return co_await refuse(no_usable_node(reached.failures));
        }
        plane_.events.emit(events::session_established{
            facts_, reached.facts, static_cast<unsigned>(reached.failures.size() + 1),
            since(start)});
        co_await relay(*reached.node, reached.facts, std::move(startup.replay));
    }

    /// What this client may not have, if anything.
    std::optional<client_error> admission_error() const {
        if (plane_.draining) {
            return draining();
        }
        if (auto why = policy::refuse_peer(listener_.admission, identity_)) {
            return not_admitted(*why);
        }
        if (auto why = policy::refuse_plaintext(listener_.admission, client_.encrypted())) {
            return not_admitted(*why);
        }
        if (progress_.certificate_fault) {
            return certificate_required(*progress_.certificate_fault);
        }
        return std::nullopt;
    }

    /// Tries the candidates in turn until one is verified or timeouts.establish is over.
    awaitable<establishment> establish() {
        establishment tried;
        const auto deadline = core::clock::now() + plane_.timeouts.establish;
        for (const auto& one : plane_.cluster.candidates(plane_.turn.fetch_add(1))) {
            const auto now = core::clock::now();
            if (now >= deadline) {
                break;
            }
            auto dialled = co_await dial(one, plane_.upstream, plane_.keepalive,
                                         std::min(deadline, now + plane_.timeouts.dial));
            tried.facts = facts_of(one);
            if (dialled) {
                tried.node = std::move(*dialled);
                break;
            }
            note(tried.facts, dialled.error());
            tried.failures.push_back(
                {tried.facts.node, tried.facts.address, std::move(dialled.error())});
        }
        co_return tried;
    }

    void note(const core::node_facts& node, const dial_failure& failure) {
        plane_.events.emit(events::dial_failed{facts_, node, std::string(to_string(failure.phase)),
                                               failure.reason, failure.detail, failure.hostile});
    }

    /// `replay`, the client's own opening, is the first thing the verified node hears.
    awaitable<void> relay(upstream_stream& node, const core::node_facts& where,
                          core::bytes replay) {
        const auto start = core::clock::now();
        const auto opening_size = replay.size();
        splice_result done{.end = splice_end::node_lost, .may_tell_client = true};
        if (co_await deliver(node, std::move(replay))) {
            done = co_await splice(client_, node, scratch_, plane_.timeouts.splice);
        }
        const bool lost = done.end == splice_end::node_lost;
        const bool routine = !lost && done.end != splice_end::client_lost;
        plane_.events.emit(events::session_ended{facts_, where, std::string(to_string(done.end)),
                                                 done.bytes_to_node + opening_size,
                                                 done.bytes_to_client, since(start), routine});
        if (lost && done.may_tell_client) {
            co_await refuse(node_went_away(where.node, where.address));
        }
    }

    /// False where the node went away first.
    awaitable<bool> deliver(upstream_stream& node, core::bytes replay) {
        core::bytes_view rest = replay;
        while (!rest.empty()) {
            const auto put = node.bytes().write_some(rest);
            if (put.status == io_status::ok) {
                rest = rest.subspan(put.size);
                continue;
            }
            if (put.status != io_status::wants_write && put.status != io_status::wants_read) {
                co_return false;
            }
            const auto [failed] = co_await node.bytes().wait(put.status);
            if (failed) {
                co_return false;
            }
        }
        co_return true;
    }

    /// A cancel request is never answered, whatever comes of it: an answer would tell an attacker
    /// whether a key he guessed was right.
    awaitable<void> forward_cancel(core::bytes packet) {
        if (policy::refuse_peer(listener_.admission, identity_)) {
            plane_.events.emit(events::cancel_failed{facts_, "not_admitted"});
            co_return;
        }
        auto reached = co_await establish();
        if (!reached.node || !co_await deliver(*reached.node, std::move(packet))) {
            plane_.events.emit(events::cancel_failed{facts_, "no_node_reached"});
            co_return;
        }
        plane_.events.emit(events::cancel_forwarded{facts_, reached.facts});
        // The node closes when it has acted on it; the client takes our close as that.
        co_await say_farewell(reached.node->bytes(), {}, scratch_,
                              core::clock::now() + plane_.timeouts.dial);
    }

    /// Logs, tells the client where it can read it, and closes.
    awaitable<void> refuse(client_error error) {
        const auto id = plane_.events.emit(
            events::client_refused{facts_, std::string(error.fields.sqlstate),
                                   std::string(error.reason), error.fields.detail});
        if (progress_.handshaking) {
            co_return;
        }
        error.fields.hint += "roachpin's log has this as event " + core::to_string(id) + ".";
        co_await say_farewell(client_, pgwire::encode_error_response(error.fields), scratch_,
                              core::clock::now() + farewell_time);
    }

    data_plane& plane_;
    listener_rules& listener_;
    std::span<std::uint8_t> scratch_;
    policy::client_identity identity_;
    opening_places::place place_;
    byte_stream client_;
    core::client_facts facts_;
    opening_progress progress_;
};

} // namespace

awaitable<void> run_session(data_plane& plane, listener_rules& listener,
                            std::span<std::uint8_t> scratch, accepted_client accepted) {
    session one(plane, listener, scratch, std::move(accepted));
    co_await one.run();
}

} // namespace roachpin::net
