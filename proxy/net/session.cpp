#include "net/session.hpp"

#include "net/client_errors.hpp"
#include "net/deadline.hpp"
#include "net/dial.hpp"
#include "net/farewell.hpp"
#include "net/open_client.hpp"
#include "net/write_all.hpp"
#include "pgwire/integers.hpp"

#include <algorithm>
#include <memory>

namespace roachpin::net {
namespace {

namespace events = core::events;
namespace opening = pgwire::opening;

/// How long a client may take to read its refusal.
constexpr auto farewell_time = std::chrono::seconds(2);

core::duration since(core::time_point start) {
    return std::chrono::duration_cast<core::duration>(core::clock::now() - start);
}

std::string text_of(const error_code& cause) {
    return cause ? cause.message() : "";
}

dial_failure not_tried() {
    return {dial_phase::tcp, "not_tried", "timeouts.establish was over before its turn"};
}

/// One connection's way through, step by step. What the steps share are members, so that a session
/// that only splices holds the frame of `run` and no other: memory per idle session is mostly
/// frames.
class session {
public:
    session(data_plane& plane, listener_rules& listener, worker_share share,
            accepted_client accepted)
        : plane_(plane), listener_(listener), share_(share), identity_(accepted.identity),
          place_(std::move(accepted.opening)), load_(std::move(accepted.load)),
          client_(std::move(accepted.socket)) {
        facts_.connection = core::connection_id{plane.next_connection.fetch_add(1)};
        facts_.client = std::move(accepted.peer);
        facts_.listener = listener.name;
    }

    static awaitable<void> run(std::unique_ptr<session> self) {
        const bool wanted = co_await self->wants_session();
        if (!wanted) {
            co_return;
        }
        const bool established = co_await self->establish();
        if (!established) {
            co_return;
        }
        self->start_ = core::clock::now();
        splice_result done{.end = splice_end::node_lost, .may_tell_client = true};
        const bool delivered = co_await self->deliver();
        if (delivered) {
            done = co_await splice(self->client_, *self->node_, self->share_,
                                   self->plane_.timeouts.splice, self->sent_ahead_);
        }
        const auto told_to_stop = co_await asio::this_coro::cancellation_state;
        if (!delivered && told_to_stop.cancelled() != asio::cancellation_type::none) {
            done.end = splice_end::cancelled;
        }
        const auto event = self->note_end(done);
        if (done.end == splice_end::node_lost && done.may_tell_client) {
            co_await self->tell(
                node_went_away(self->where_.node, self->where_.address, text_of(done.cause)),
                event);
        }
    }

private:
    /// Hears the client out. False where it wants no session or may not have one; it has then been
    /// dealt with. Until a session is granted, the connection holds an opening's place: refusals
    /// and cancel requests are bounded by limits.max_opening.
    awaitable<bool> wants_session() {
        if (identity_.address) {
            set_tcp_options(client_.fd(), plane_.keepalive);
        }
        const auto* tls = listener_.tls ? &*listener_.tls : nullptr;
        auto wish = co_await with_deadline(open_client(client_, tls, share_.scratch, progress_),
                                           core::clock::now() + plane_.timeouts.client_opening);
        if (!wish) {
            co_await refuse(opening_too_slow(plane_.timeouts.client_opening));
        } else if (auto* startup = std::get_if<opening::startup>(&*wish)) {
            auto refused = admit(std::move(*startup));
            if (!refused) {
                place_ = {};
                co_return true;
            }
            co_await refuse(std::move(*refused));
        } else if (auto* cancel = std::get_if<opening::cancel>(&*wish)) {
            replay_ = std::move(cancel->packet);
            co_await forward_cancel();
        } else if (const auto* malformed = std::get_if<opening::refuse>(&*wish)) {
            co_await refuse(malformed_opening(malformed->sentence), malformed->tell);
        } else if (const auto& gone = std::get<client_gone>(*wish); gone.heard_anything) {
            plane_.events.emit(events::client_gone{facts_, gone.reason, progress_.handshaking});
        }
        co_return false;
    }

    /// Takes the client's places; what it may not have, if anything.
    std::optional<client_error> admit(opening::startup startup) {
        constexpr std::size_t length_size = 4;
        sent_ahead_.follow(core::bytes_view(startup.replay)
                               .subspan(std::max<std::size_t>(
                                   length_size, pgwire::load_uint32(startup.replay.data()))));
        facts_.user = std::move(startup.message.user);
        facts_.database = std::move(startup.message.database);
        facts_.application_name = std::move(startup.message.application_name);
        replay_ = std::move(startup.replay);
        if (plane_.draining) {
            return draining();
        }
        if (auto why = policy::refuse_peer(listener_.admission, identity_)) {
            return not_admitted(*why);
        }
        if (auto why = policy::refuse_plaintext(listener_.admission, client_.encrypted())) {
            return tls_required(*why);
        }
        if (progress_.certificate_fault) {
            return certificate_required(*progress_.certificate_fault);
        }
        listener_slot_ = listener_.connections.take();
        if (!listener_slot_) {
            return too_many_connections("listeners[].max_connections",
                                        listener_.connections.limit());
        }
        slot_ = plane_.connections.take();
        if (!slot_) {
            return too_many_connections("limits.max_connections", plane_.connections.limit());
        }
        return std::nullopt;
    }

    /// A verified node for a session; without one the client has been told.
    awaitable<bool> establish() {
        start_ = core::clock::now();
        if (const auto cluster = plane_.cluster.current(); !cluster->waiting().empty()) {
            co_await refuse(still_starting(cluster->waiting()));
            co_return false;
        }
        const auto failures = co_await unless(reach_node(), client_hung_up());
        if (!failures) { // its places are others' now
            plane_.events.emit(
                events::client_gone{facts_, "the client closed while a node was dialled"});
            co_return false;
        }
        if (!node_) {
            const auto cluster = plane_.cluster.current();
            co_await refuse(no_usable_node(*failures, cluster->trouble()));
            co_return false;
        }
        plane_.events.emit(events::session_established{
            facts_, where_, static_cast<unsigned>(failures->size() + 1), since(start_)});
        co_return true;
    }

    /// Ends when the client does not wait any longer. A client that says more before it was
    /// answered cannot be watched: its octets are the node's.
    awaitable<bool> client_hung_up() {
        const auto [failed] = co_await client_.wait(io_status::wants_read);
        if (!failed && !client_.has_hung_up()) {
            timer never(client_.where(), timer::time_point::max());
            co_await never.async_wait(use_awaitable);
        }
        co_return true;
    }

    /// Tries the candidates in turn until one is verified or timeouts.establish is over; why those
    /// before it were not.
    awaitable<std::vector<failed_dial>> reach_node() {
        std::vector<failed_dial> failures;
        const auto deadline = core::clock::now() + plane_.timeouts.establish;
        const auto cluster = plane_.cluster.current();
        for (const auto& one : cluster->candidates(plane_.turn.fetch_add(1))) {
            const auto now = core::clock::now();
            where_ = {one.target->host.text(), one.where.to_string()};
            if (now >= deadline) {
                failures.push_back({where_.node, where_.address, not_tried()});
                continue;
            }
            auto dialled = co_await dial(one, plane_.upstream, plane_.keepalive,
                                         std::min(deadline, now + plane_.timeouts.dial));
            if (dialled) {
                node_ = std::move(*dialled);
                break;
            }
            note_failure(dialled.error());
            plane_.trouble(one.target->host, one.where);
            failures.push_back({where_.node, where_.address, dialled.error()});
        }
        co_return failures;
    }

    /// The client's own opening is the first thing the verified node hears. False where the node
    /// went away first.
    awaitable<bool> deliver() {
        const auto packet = std::exchange(replay_, {});
        sent_ = packet.size();
        co_return co_await write_all(node_->bytes(), packet);
    }

    /// A cancel request is never answered, whatever comes of it: an answer would tell an attacker
    /// whether a key he guessed was right.
    awaitable<void> forward_cancel() {
        if (policy::refuse_peer(listener_.admission, identity_)) {
            plane_.events.emit(events::cancel_failed{facts_, "not_admitted"});
            co_return;
        }
        co_await reach_node();
        bool delivered = node_.has_value();
        if (delivered) {
            delivered = co_await deliver();
        }
        if (!delivered) {
            plane_.events.emit(events::cancel_failed{facts_, "no_node_reached"});
            co_return;
        }
        plane_.events.emit(events::cancel_forwarded{facts_, where_});
        // The node closes when it has acted on it; the client takes our close as that.
        co_await say_farewell(node_->bytes(), {}, share_.scratch,
                              core::clock::now() + plane_.timeouts.dial);
    }

    /// Logs, tells the client where it can read it, and closes.
    awaitable<void> refuse(client_error error, bool can_read = true) {
        const bool told = can_read && !progress_.handshaking;
        const auto id = plane_.events.emit(to_event(facts_, error, told));
        if (told) {
            co_await tell(std::move(error), id);
        }
    }

    awaitable<void> tell(client_error error, core::event_id id) {
        error.fields.hint += "roachpin's log has this as event " + core::to_string(id) + ".";
        return say_farewell(client_, pgwire::encode_error_response(error.fields), share_.scratch,
                            core::clock::now() + farewell_time);
    }

    void note_failure(const dial_failure& failure) {
        plane_.events.emit(events::dial_failed{facts_, where_,
                                               std::string(to_string(failure.phase)),
                                               failure.reason, failure.detail, failure.hostile});
    }

    core::event_id note_end(const splice_result& done) {
        const bool lost = done.end == splice_end::node_lost || done.end == splice_end::client_lost;
        return plane_.events.emit(events::session_ended{
            facts_, where_, std::string(to_string(done.end)), text_of(done.cause),
            done.bytes_to_node + sent_, done.bytes_to_client, since(start_), !lost});
    }

    data_plane& plane_;
    listener_rules& listener_;
    worker_share share_;
    policy::client_identity identity_;
    opening_places::place place_;
    load_token load_;
    slot_counter::slot listener_slot_;
    slot_counter::slot slot_;
    byte_stream client_;
    core::client_facts facts_;
    opening_progress progress_;
    core::bytes replay_; ///< the StartupMessage or CancelRequest, until a node has it
    std::uint64_t sent_ = 0;
    pgwire::message_boundary sent_ahead_; ///< of what came behind the StartupMessage
    core::time_point start_{};
    core::node_facts where_; ///< the node dialled last
    std::optional<upstream_stream> node_;
};

} // namespace

awaitable<void> run_session(data_plane& plane, listener_rules& listener, worker_share share,
                            accepted_client accepted) {
    return session::run(std::make_unique<session>(plane, listener, share, std::move(accepted)));
}

} // namespace roachpin::net
