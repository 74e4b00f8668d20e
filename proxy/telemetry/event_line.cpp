#include "telemetry/event_line.hpp"

#include "core/printable.hpp"

namespace roachpin::telemetry {
namespace {

namespace events = core::events;

/// DETAIL texts list every address: room for them.
constexpr std::size_t longest_text = 4096;

/// Collects fields, leaving empty texts out.
class line {
public:
    line(severity level, std::string_view name) { made_ = {level, name, {}}; }

    line& text(std::string_view name, std::string_view value) {
        if (!value.empty()) {
            made_.fields.emplace_back(name, core::printable(value, longest_text));
        }
        return *this;
    }

    line& number(std::string_view name, std::uint64_t value) {
        made_.fields.emplace_back(name, value);
        return *this;
    }

    line& seconds(std::string_view name, core::duration value) {
        made_.fields.emplace_back(name, static_cast<double>(value.count()) / 1000);
        return *this;
    }

    line& flag(std::string_view name, bool value) {
        made_.fields.emplace_back(name, value);
        return *this;
    }

    line& client(const core::client_facts& facts) {
        if (facts.connection != core::connection_id{}) {
            text("connection", core::to_string(facts.connection));
        }
        return text("client", facts.client)
            .text("listener", facts.listener)
            .text("user", facts.user)
            .text("database", facts.database)
            .text("application_name", facts.application_name);
    }

    line& node(const core::node_facts& facts) {
        return text("node", facts.node).text("address", facts.address);
    }

    /// Of many that differ in nothing but the client, one stands for all.
    line& foldable() {
        made_.may_be_folded = true;
        return *this;
    }

    line& seconds(std::string_view name, const std::optional<core::clock::duration>& value) {
        if (value) {
            made_.fields.emplace_back(name, std::chrono::duration<double>(*value).count());
        }
        return *this;
    }

    operator event_line() && { return std::move(made_); } // NOLINT(google-explicit-constructor)

private:
    event_line made_;
};

struct describer {
    event_line operator()(const events::listening& event) const {
        return std::move(line(severity::info, "listening")
                             .text("listener", event.listener)
                             .text("tls", event.tls));
    }

    event_line operator()(const events::admin_listening& event) const {
        return std::move(line(severity::info, "admin_listening").text("address", event.address));
    }

    event_line operator()(const events::started& event) const {
        return std::move(line(severity::info, "started")
                             .text("version", event.version)
                             .number("workers", event.workers)
                             .text("libraries", event.libraries));
    }

    event_line operator()(const events::local_certificate_made& event) const {
        return std::move(line(severity::info, "local_certificate_made")
                             .text("listener", event.listener)
                             .text("export_file", event.export_file));
    }

    event_line operator()(const events::client_refused& event) const {
        line made(severity::warning, "client_refused");
        made.client(event.client)
            .text("sqlstate", event.sqlstate)
            .text("reason", event.reason)
            .text("detail", event.detail);
        if (!event.told) {
            made.flag("told", false).foldable();
        }
        return event_line(std::move(made));
    }

    event_line operator()(const events::client_gone& event) const {
        const auto level = event.said_nothing   ? severity::none
                           : event.in_handshake ? severity::info
                                                : severity::debug;
        return std::move(
            line(level, "client_gone").client(event.client).text("reason", event.reason));
    }

    event_line operator()(const events::client_opened& event) const {
        return std::move(line(severity::debug, "client_opened")
                             .client(event.client)
                             .seconds("seconds", event.took));
    }

    event_line operator()(const events::session_established& event) const {
        return std::move(
            line(severity::info, "session_established")
                .client(event.client)
                .node(event.node)
                .number("dials", event.dials)
                .seconds("seconds", std::chrono::duration_cast<core::duration>(event.took)));
    }

    event_line operator()(const events::session_ended& event) const {
        return std::move(line(event.routine ? severity::info : severity::warning, "session_ended")
                             .client(event.client)
                             .node(event.node)
                             .text("reason", event.reason)
                             .text("detail", event.detail)
                             .number("bytes_to_node", event.bytes_to_node)
                             .number("bytes_to_client", event.bytes_to_client)
                             .seconds("seconds", event.took));
    }

    event_line operator()(const events::dialled& event) const {
        return std::move(line(severity::debug, "dialled")
                             .node(event.node)
                             .text("result", event.result)
                             .text("reason", event.reason)
                             .seconds("tcp", event.tcp)
                             .seconds("sslrequest", event.sslrequest)
                             .seconds("tls", event.tls));
    }

    event_line operator()(const events::dial_failed& event) const {
        return std::move(line(event.hostile ? severity::error : severity::warning, "dial_failed")
                             .client(event.client)
                             .node(event.node)
                             .text("phase", event.phase)
                             .text("reason", event.reason)
                             .text("detail", event.detail)
                             .flag("hostile", event.hostile)
                             .foldable());
    }

    event_line operator()(const events::startup_replayed& event) const {
        return std::move(line(severity::info, "startup_replayed")
                             .client(event.client)
                             .node(event.node)
                             .text("reason", event.reason)
                             .foldable());
    }

    event_line operator()(const events::cancel_forwarded& event) const {
        return std::move(line(severity::info, "cancel_forwarded")
                             .client(event.client)
                             .node(event.node)
                             .flag("owner", event.owner));
    }

    event_line operator()(const events::cancel_failed& event) const {
        return std::move(line(severity::warning, "cancel_failed")
                             .client(event.client)
                             .text("reason", event.reason)
                             .foldable());
    }

    event_line operator()(const events::accept_failed& event) const {
        return std::move(line(severity::error, "accept_failed")
                             .text("listener", event.listener)
                             .text("reason", event.reason)
                             .seconds("retry_after", event.retry_after)
                             .foldable());
    }

    event_line operator()(const events::listener_closed& event) const {
        return std::move(line(severity::info, "listener_closed").text("listener", event.listener));
    }

    event_line operator()(const events::draining& event) const {
        return std::move(line(severity::info, "draining")
                             .number("connections", event.connections)
                             .seconds("delay", event.delay)
                             .seconds("timeout", event.timeout));
    }

    event_line operator()(const events::drained& event) const {
        return std::move(line(severity::info, "drained").number("cancelled", event.cancelled));
    }

    event_line operator()(const events::dns_reply_refused& event) const {
        return std::move(line(severity::warning, "dns_reply_refused")
                             .text("host", event.host)
                             .text("server", event.server)
                             .text("reason", event.reason)
                             .text("detail", event.detail)
                             .foldable());
    }

    event_line operator()(const events::dns_asked& event) const {
        return std::move(line(severity::debug, "dns_asked")
                             .text("host", event.host)
                             .text("server", event.server)
                             .text("result", event.result)
                             .seconds("seconds", event.took));
    }

    event_line operator()(const events::dns_answer_refused& event) const {
        return std::move(line(event.news ? severity::warning : severity::none, "dns_answer_refused")
                             .text("host", event.host)
                             .text("server", event.server)
                             .text("reason", event.reason)
                             .text("finding", event.finding)
                             .text("detail", event.detail));
    }

    event_line operator()(const events::dns_answers_again& event) const {
        return std::move(line(severity::info, "dns_answers_again")
                             .text("host", event.host)
                             .text("server", event.server));
    }

    event_line operator()(const events::dns_servers_disagree& event) const {
        return std::move(line(severity::warning, "dns_servers_disagree")
                             .text("host", event.host)
                             .text("servers", event.servers)
                             .text("detail", event.detail));
    }

    event_line operator()(const events::lock_drift& event) const {
        return std::move(line(severity::warning, "lock_drift")
                             .text("host", event.host)
                             .text("addresses", event.addresses));
    }

    event_line operator()(const events::leaf_not_in_lock& event) const {
        return std::move(line(severity::info, "leaf_not_in_lock")
                             .node(event.node)
                             .text("leaf_spki", event.leaf_spki));
    }

    event_line operator()(const events::names_changed& event) const {
        return std::move(line(event.rapid ? severity::warning : severity::info, "names_changed")
                             .text("host", event.host)
                             .text("before", event.before)
                             .text("after", event.after)
                             .text("finding", event.rapid ? "DNS-CHANGE-RATE" : "")
                             .flag("rapid", event.rapid));
    }

    event_line operator()(const events::names_stale& event) const {
        return std::move(line(event.stale ? severity::error : severity::info, "names_stale")
                             .text("host", event.host)
                             .flag("stale", event.stale));
    }

    event_line operator()(const events::address_admitted& event) const {
        return std::move(line(severity::info, "address_admitted").node(event.node));
    }

    event_line operator()(const events::address_not_proved& event) const {
        return std::move(
            line(event.hostile ? severity::error : severity::warning, "address_not_proved")
                .node(event.node)
                .text("state", event.state)
                .text("phase", event.phase)
                .text("reason", event.reason)
                .text("detail", event.detail)
                .flag("hostile", event.hostile)
                .seconds("retry_after", event.retry_after));
    }

    event_line operator()(const events::reloaded& event) const {
        return std::move(
            line(event.needs_restart.empty() ? severity::info : severity::warning, "reloaded")
                .text("why", event.why)
                .text("needs_restart", event.needs_restart)
                .number("retiring", event.retiring));
    }

    event_line operator()(const events::reload_failed& event) const {
        return std::move(line(severity::error, "reload_failed")
                             .text("why", event.why)
                             .text("reason", event.reason));
    }

    event_line operator()(const events::waiting_for_nodes& event) const {
        return std::move(line(severity::warning, "waiting_for_nodes").text("reason", event.reason));
    }

    event_line operator()(const events::internal_error& event) const {
        return std::move(line(severity::error, "internal_error")
                             .client(event.client)
                             .text("reason", event.reason));
    }
};

} // namespace

event_line describe(const core::event& what) {
    return std::visit(describer{}, what);
}

} // namespace roachpin::telemetry
