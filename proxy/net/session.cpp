#include "net/session.hpp"

#include "net/client_errors.hpp"
#include "net/deadline.hpp"
#include "net/establish.hpp"
#include "net/farewell.hpp"
#include "net/open_client.hpp"
#include "net/relay.hpp"
#include "pgwire/integers.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <random>

namespace roachpin::net {
namespace {

namespace events = core::events;
namespace opening = pgwire::opening;

/// How long a client may take to read its refusal.
constexpr auto farewell_time = std::chrono::seconds(2);

/// PostgreSQL, "Message Formats": Terminate.
constexpr std::array<std::uint8_t, 5> terminate{'X', 0, 0, 0, 4};

core::duration since(core::time_point start) {
    return std::chrono::duration_cast<core::duration>(core::clock::now() - start);
}

std::string text_of(const error_code& cause) {
    return cause ? cause.message() : "";
}

core::time_point end_of_life(const lifetime_options& lifetime) {
    if (lifetime.max.count() == 0) {
        return core::time_point::max();
    }
    thread_local std::minstd_rand random(std::random_device{}());
    std::uniform_real_distribution<double> part(1 - lifetime.jitter, 1);
    return core::clock::now() + core::duration(static_cast<core::duration::rep>(
                                    static_cast<double>(lifetime.max.count()) * part(random)));
}

/// What came behind the StartupMessage in the client's first octets.
core::bytes_view behind_startup(core::bytes_view opening) {
    constexpr std::size_t length_size = 4;
    return opening.subspan(std::max<std::size_t>(length_size, pgwire::load_uint32(opening.data())));
}

/// One connection's way through, step by step. What the steps share are members, so that a session
/// that only splices holds the frame of `run` and no other: memory per idle session is mostly
/// frames.
class session {
public:
    session(data_plane& plane, std::shared_ptr<listener> by, worker_share share,
            accepted_client accepted)
        : plane_(plane), share_(share), plan_(plane.plan.current()), rules_(by->rules()),
          place_(std::move(accepted.opening)), load_(std::move(accepted.load)),
          client_(std::move(accepted.socket)) {
        facts_.connection = core::connection_id{plane.next_connection.fetch_add(1)};
        facts_.client = std::move(accepted.peer);
        facts_.listener = by->name();
        live_.by = std::move(by);
        live_.client = accepted.identity;
    }

    static awaitable<void> run(std::unique_ptr<session> self) {
        const auto wish = co_await self->hear_client();
        if (wish == wish_kind::none) {
            co_return;
        }
        const bool established = co_await self->establish(wish);
        if (!established) {
            co_return;
        }
        self->start_ = core::clock::now();
        const live_sessions::entry listed(self->share_.live, self->live_);
        self->let_go_of_opening();
        splice_result done;
        if (wish == wish_kind::pass_through) {
            done = co_await self->pass_through();
        } else {
            done = co_await self->originate();
        }
        const auto event = self->note_end(done);
        co_await self->take_leave(done, event);
    }

private:
    /// What the client is to have.
    enum class wish_kind {
        none, ///< nothing, or what it may not have: it has been dealt with
        session,
        pass_through,
    };

    /// Hears the client out. Until a session is granted, the connection holds an opening's place:
    /// refusals and cancel requests are bounded by limits.max_opening.
    awaitable<wish_kind> hear_client() {
        if (live_.client.address) {
            set_tcp_options(client_.fd(), plan_->keepalive);
        }
        const auto* tls = rules_->tls ? &*rules_->tls : nullptr;
        const bool passes = rules_->mode == listener_mode::passthrough;
        auto opening = passes ? open_passthrough(client_, share_.scratch, progress_)
                              : open_client(client_, tls, share_.scratch, progress_);
        auto wish = co_await with_deadline(std::move(opening),
                                           core::clock::now() + plan_->timeouts.client_opening);
        if (!wish) {
            co_await refuse(opening_too_slow(plan_->timeouts.client_opening));
        } else if (auto* startup = std::get_if<opening::startup>(&*wish)) {
            note_startup(std::move(*startup));
            note_opened();
            auto refused = admit();
            if (!refused) {
                co_return wish_kind::session;
            }
            co_await refuse(std::move(*refused));
        } else if (std::holds_alternative<opening::pass_through>(*wish)) {
            note_opened();
            auto refused = admit();
            if (!refused) {
                co_return wish_kind::pass_through;
            }
            co_await refuse(std::move(*refused));
        } else if (auto* cancel = std::get_if<opening::cancel>(&*wish)) {
            co_await forward_cancel(std::move(cancel->packet));
        } else if (const auto* malformed = std::get_if<opening::refuse>(&*wish)) {
            co_await refuse(malformed_opening(malformed->sentence), malformed->tell);
        } else {
            const auto& gone = std::get<client_gone>(*wish);
            plane_.events.emit(events::client_gone{facts_, gone.reason, progress_.handshaking,
                                                   !gone.heard_anything});
        }
        co_return wish_kind::none;
    }

    void note_startup(opening::startup startup) {
        start_of_splice_->so_far.client_said(behind_startup(startup.replay));
        minor_version_ = startup.message.minor_version;
        facts_.user = std::move(startup.message.user);
        facts_.database = std::move(startup.message.database);
        facts_.application_name = std::move(startup.message.application_name);
        replay_ = std::move(startup.replay);
    }

    void note_opened() {
        plane_.events.emit(events::client_opened{facts_, core::clock::now() - start_});
    }

    /// Takes the client's places; why it may not have them, if so.
    std::optional<client_error> admit() {
        live_.in_tls = client_.encrypted();
        if (plane_.draining) {
            return draining();
        }
        if (auto why = policy::refuse_peer(rules_->admission, live_.client)) {
            return not_admitted(*why);
        }
        const bool foreign_tls = rules_->mode == listener_mode::passthrough && replay_.empty();
        if (auto why = policy::refuse_plaintext(rules_->admission, live_.in_tls || foreign_tls)) {
            return tls_required(*why);
        }
        if (progress_.certificate_fault) {
            return certificate_required(*progress_.certificate_fault);
        }
        auto& connections = live_.by->connections();
        listener_slot_ = connections.take();
        if (!listener_slot_) {
            return too_many_connections("listeners[].max_connections", connections.limit());
        }
        slot_ = plane_.connections.take();
        if (!slot_) {
            return too_many_connections("limits.max_connections", plane_.connections.limit());
        }
        place_ = {};
        return std::nullopt;
    }

    /// A verified node for a session, which has answered; without one the client has been told.
    awaitable<bool> establish(wish_kind wish) {
        start_ = core::clock::now();
        plan_ = plane_.plan.current();
        if (const auto& waiting = plan_->cluster.waiting(); !waiting.empty()) {
            co_await refuse(still_starting(waiting));
            co_return false;
        }
        auto done = co_await unless(reach_node(wish), client_hung_up());
        if (!done) { // its places are others' now
            plane_.events.emit(
                events::client_gone{facts_, "the client closed while a node was dialled"});
            co_return false;
        }
        if (!done->established) {
            co_await refuse(no_usable_node(done->failures, plan_->cluster.trouble()));
            co_return false;
        }
        plane_.events.emit(events::session_established{
            facts_, where_, static_cast<unsigned>(done->failures.size() + 1),
            core::clock::now() - start_});
        co_return true;
    }

    awaitable<reached> reach_node(wish_kind wish) {
        if (wish == wish_kind::pass_through) {
            auto looking = search();
            auto passed = co_await find_passage(*plan_, std::move(looking));
            passage_ = std::move(passed.node);
            note_reached(passed.at);
            reached made{passage_.has_value(), std::move(passed.failures)};
            co_return made;
        }
        auto looking = search();
        client_startup startup{std::move(replay_), minor_version_};
        auto found = co_await find_node(*plan_, std::move(looking), std::move(startup));
        if (found.node) {
            node_ = std::move(found.node);
            live_.node = node_->tls();
            start_of_splice_->first_words = std::move(found.first_words);
            sent_ = found.sent;
        }
        note_reached(found.at);
        reached made{node_.has_value(), std::move(found.failures)};
        co_return made;
    }

    void note_reached(session_place& at) {
        if (at.candidate()) {
            live_.at = at.candidate();
            where_ = facts_of(*at.candidate());
            counted_ = std::move(at);
        }
    }

    node_search search() { return {plane_, facts_, client_.where()}; }

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

    /// What was needed to come here is not, for a session that may last for days.
    void let_go_of_opening() {
        start_of_splice_->lifetime_ends = end_of_life(plan_->lifetime);
        splice_ = plan_->timeouts.splice;
        splice_.counted = &share_.passed.of(where_.node);
        splice_.counted->add_to_node(sent_);
        plan_.reset();
        rules_.reset();
    }

    awaitable<splice_result> originate() {
        start_of_splice_->on_cancel_key = [this](core::bytes key) {
            cancel_key_ = plane_.cancels.note(std::move(key), *live_.at);
        };
        return splice(client_, *node_, share_, splice_, live_.bell, std::move(start_of_splice_));
    }

    awaitable<splice_result> pass_through() {
        if (!accept_passthrough(client_)) {
            co_return splice_result{.end = splice_end::client_lost};
        }
        co_return co_await relay(client_, *passage_, share_, splice_, live_.bell);
    }

    /// A cancel request is never answered, whatever comes of it: an answer would tell an attacker
    /// whether a key he guessed was right.
    awaitable<void> forward_cancel(core::bytes packet) {
        constexpr std::size_t header = 8;
        if (policy::refuse_peer(rules_->admission, live_.client)) {
            plane_.events.emit(events::cancel_failed{facts_, "not_admitted"});
            co_return;
        }
        if (!plane_.cancels.may_forward(core::clock::now())) {
            plane_.events.emit(events::cancel_failed{facts_, "rate_limited"});
            co_return;
        }
        const auto owner = plane_.cancels.owner_of(core::bytes_view(packet).subspan(header));
        auto looking = search();
        auto found = co_await deliver_cancel(*plan_, std::move(looking), std::move(packet), owner);
        if (!found.node) {
            plane_.events.emit(events::cancel_failed{facts_, "no_node_reached"});
            co_return;
        }
        const auto& at = *found.at.candidate();
        const bool is_owner = owner && owner->where == at.where;
        plane_.events.emit(events::cancel_forwarded{facts_, facts_of(at), is_owner});
        // The node closes when it has acted on it; the client takes our close as that.
        co_await say_farewell(found.node->bytes(), {}, share_.scratch,
                              core::clock::now() + plan_->timeouts.dial);
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

    core::event_id note_end(const splice_result& done) {
        using enum splice_end;
        const bool routine = done.end != node_lost && done.end != client_lost && done.end != cut;
        const auto& order = live_.bell.order();
        const bool ordered = order && (done.end == retired || done.end == cut);
        return plane_.events.emit(events::session_ended{
            facts_, where_, std::string(to_string(done.end)),
            ordered ? order->detail : text_of(done.cause), done.bytes_to_node + sent_,
            done.bytes_to_client, since(start_), routine});
    }

    /// Says why it ended to whoever cannot know, where there is room between two messages.
    awaitable<void> take_leave(const splice_result& done, core::event_id event) {
        if (done.end == splice_end::retired && node_) {
            node_->bytes().write_some(terminate); // so that it does not log a lost client
            node_->bytes().close_sending();
        }
        if (!done.may_tell_client) {
            co_return;
        }
        if (done.end == splice_end::node_lost) {
            auto why = node_went_away(where_.node, where_.address, text_of(done.cause));
            co_await tell(std::move(why), event);
        } else if (done.end == splice_end::retired) {
            auto why = net::retired(*live_.bell.order());
            co_await tell(std::move(why), event);
        } else if (done.end == splice_end::cut) {
            auto why = net::cut(*live_.bell.order());
            co_await tell(std::move(why), event);
        }
    }

    data_plane& plane_;
    worker_share share_;
    std::shared_ptr<const session_plan> plan_;    ///< until the octets flow
    std::shared_ptr<const listener_rules> rules_; ///< likewise
    live_session live_;
    opening_places::place place_;
    load_token load_;
    slot_counter::slot listener_slot_;
    slot_counter::slot slot_;
    byte_stream client_;
    core::client_facts facts_;
    opening_progress progress_;
    core::bytes replay_; ///< the StartupMessage and what came behind it, until a node has it
    std::uint16_t minor_version_ = 0;
    std::uint64_t sent_ = 0; ///< octets of it
    std::unique_ptr<splice_start> start_of_splice_ = std::make_unique<splice_start>();
    splice_options splice_;
    core::time_point start_ = core::clock::now(); ///< of the opening, then of what comes after it
    core::node_facts where_;                      ///< where the session is
    session_place counted_;
    cancel_registry::entry cancel_key_;
    std::optional<upstream_stream> node_;
    std::optional<passthrough_stream> passage_;
};

} // namespace

awaitable<void> run_session(data_plane& plane, std::shared_ptr<listener> by, worker_share share,
                            accepted_client accepted) {
    return session::run(
        std::make_unique<session>(plane, std::move(by), share, std::move(accepted)));
}

} // namespace roachpin::net
