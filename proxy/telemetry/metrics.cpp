#include "telemetry/metrics.hpp"

#include "policy/answer_rules.hpp"
#include "telemetry/metric_catalogue.hpp"
#include "telemetry/status_gauges.hpp"

#include <array>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <string_view>

namespace roachpin::telemetry {
namespace {

namespace events = core::events;
using prometheus::Labels;

using counter_family = prometheus::Family<prometheus::Counter>;
using histogram_family = prometheus::Family<prometheus::Histogram>;

template <class Duration>
double in_seconds(Duration took) {
    return std::chrono::duration<double>(took).count();
}

constexpr std::array<std::string_view, 5> client_results{"session", "refused", "gone", "cancel",
                                                         "probe"};
constexpr std::array<std::string_view, 3> dial_results{"proved", "down", "hostile"};
constexpr std::array<std::string_view, 2> reload_results{"success", "failure"};
/// Those that are nobody's wish.
constexpr std::array<std::string_view, 3> session_losses{"client_lost", "node_lost", "cut"};

} // namespace

/// One answer for each event: a new one does not compile until it has its own here.
class metrics::counts {
public:
    prometheus::Registry registry;
    std::atomic<std::uint64_t> sessions = 0;
    std::atomic<std::uint64_t> refused = 0;
    std::atomic<std::uint64_t> dns_answers = 0;
    std::atomic<std::uint64_t> dns_refused = 0;
    std::atomic<std::uint64_t> hostile_dials = 0;

    counts() {
        for (const auto result : reload_results) {
            reloads_.Add({{"result", std::string(result)}});
        }
        for (const auto reason : session_losses) {
            session_ends_.Add({{"reason", std::string(reason)}});
        }
        internal_errors_.Add({});
        opening_.Add({}, bounds_of("roachpin_client_opening_seconds"));
        session_.Add({}, bounds_of("roachpin_session_seconds"));
    }

    void expect(const metric_subjects& subjects) {
        for (const auto& listener : subjects.listeners) {
            accept_failures_.Add({{"listener", listener}});
            for (const auto result : client_results) {
                connections_.Add({{"listener", listener}, {"result", std::string(result)}});
            }
        }
        for (const auto& node : subjects.nodes) {
            for (const auto result : dial_results) {
                dials_.Add({{"node", node}, {"result", std::string(result)}});
            }
        }
        for (const auto& host : subjects.resolved) {
            answers_refused_.Add({{"host", host}, {"reason", "malformed"}});
            for (const auto fault : policy::all_answer_faults) {
                answers_refused_.Add(
                    {{"host", host}, {"reason", std::string(policy::to_string(fault))}});
            }
        }
    }

    void operator()(const events::listening&) {}

    void operator()(const events::admin_listening&) {}

    void operator()(const events::started&) {}

    void operator()(const events::local_certificate_made&) {}

    void operator()(const events::client_refused& event) {
        ++refused;
        note_client(event.client, "refused");
        rejections_.Add({{"listener", event.client.listener}, {"reason", event.reason}})
            .Increment();
    }

    void operator()(const events::client_gone& event) {
        note_client(event.client, event.said_nothing ? "probe" : "gone");
    }

    void operator()(const events::client_opened& event) {
        opening_.Add({}, bounds_of("roachpin_client_opening_seconds"))
            .Observe(in_seconds(event.took));
    }

    void operator()(const events::session_established& event) {
        ++sessions;
        note_client(event.client, "session");
        establish_.Add({{"node", event.node.node}}, bounds_of("roachpin_establish_seconds"))
            .Observe(in_seconds(event.took));
    }

    void operator()(const events::session_ended& event) {
        session_.Add({}, bounds_of("roachpin_session_seconds")).Observe(in_seconds(event.took));
        session_ends_.Add({{"reason", event.reason}}).Increment();
    }

    void operator()(const events::dialled& event) {
        const auto& node = event.node.node;
        dials_.Add({{"node", node}, {"result", event.result}}).Increment();
        note_phase(node, "tcp", event.tcp);
        note_phase(node, "sslrequest", event.sslrequest);
        note_phase(node, "tls", event.tls);
        if (event.result == "hostile") {
            ++hostile_dials;
            verification_failures_.Add({{"node", node}, {"reason", event.reason}}).Increment();
        }
    }

    void operator()(const events::dial_failed&) {}

    void operator()(const events::startup_replayed& event) {
        replays_.Add({{"reason", event.reason}}).Increment();
    }

    void operator()(const events::cancel_forwarded& event) {
        note_cancel(event.client, event.owner ? "owner" : "other");
    }

    void operator()(const events::cancel_failed& event) { note_cancel(event.client, event.reason); }

    void operator()(const events::accept_failed& event) {
        accept_failures_.Add({{"listener", event.listener}}).Increment();
    }

    void operator()(const events::listener_closed&) {}

    void operator()(const events::draining&) {}

    void operator()(const events::drained&) {}

    void operator()(const events::dns_asked& event) {
        if (event.result == "answered") {
            ++dns_answers;
        }
        queries_.Add({{"host", event.host}, {"server", event.server}, {"result", event.result}})
            .Increment();
        query_.Add({{"server", event.server}}, bounds_of("roachpin_dns_query_seconds"))
            .Observe(in_seconds(event.took));
    }

    void operator()(const events::dns_reply_refused& event) {
        if (event.reason == "forged") {
            forged_.Add({{"server", event.server}}).Increment(static_cast<double>(event.number));
        }
    }

    void operator()(const events::dns_answer_refused& event) {
        if (!event.is_silence) {
            ++dns_refused;
            answers_refused_.Add({{"host", event.host}, {"reason", event.reason}}).Increment();
        }
    }

    void operator()(const events::dns_answers_again&) {}

    void operator()(const events::dns_servers_disagree&) {}

    void operator()(const events::lock_drift&) {}

    void operator()(const events::leaf_not_in_lock&) {}

    void operator()(const events::names_changed&) {}

    void operator()(const events::names_stale&) {}

    void operator()(const events::address_admitted&) {}

    void operator()(const events::address_not_proved&) {}

    void operator()(const events::reloaded&) { reloads_.Add({{"result", "success"}}).Increment(); }

    void operator()(const events::reload_failed&) {
        reloads_.Add({{"result", "failure"}}).Increment();
    }

    void operator()(const events::waiting_for_nodes&) {}

    void operator()(const events::internal_error&) { internal_errors_.Add({}).Increment(); }

private:
    counter_family& counter(std::string_view name) {
        const auto& what = describe_metric(name);
        return prometheus::BuildCounter()
            .Name(std::string(what.name))
            .Help(std::string(what.help))
            .Register(registry);
    }

    histogram_family& histogram(std::string_view name) {
        const auto& what = describe_metric(name);
        return prometheus::BuildHistogram()
            .Name(std::string(what.name))
            .Help(std::string(what.help))
            .Register(registry);
    }

    static const std::vector<double>& bounds_of(std::string_view name) {
        return describe_metric(name).buckets;
    }

    void note_client(const core::client_facts& client, std::string_view result) {
        connections_.Add({{"listener", client.listener}, {"result", std::string(result)}})
            .Increment();
    }

    void note_cancel(const core::client_facts& client, std::string_view result) {
        note_client(client, "cancel");
        cancels_.Add({{"result", std::string(result)}}).Increment();
    }

    void note_phase(const std::string& node, std::string_view phase,
                    const std::optional<core::clock::duration>& took) {
        if (took) {
            dial_
                .Add({{"node", node}, {"phase", std::string(phase)}},
                     bounds_of("roachpin_upstream_dial_seconds"))
                .Observe(in_seconds(*took));
        }
    }

    counter_family& reloads_ = counter("roachpin_config_reloads_total");
    counter_family& internal_errors_ = counter("roachpin_internal_errors_total");
    counter_family& accept_failures_ = counter("roachpin_accept_failures_total");
    counter_family& session_ends_ = counter("roachpin_session_ends_total");
    counter_family& connections_ = counter("roachpin_client_connections_total");
    counter_family& rejections_ = counter("roachpin_client_rejections_total");
    counter_family& replays_ = counter("roachpin_startup_replays_total");
    counter_family& cancels_ = counter("roachpin_cancel_requests_total");
    counter_family& dials_ = counter("roachpin_upstream_dials_total");
    counter_family& verification_failures_ =
        counter("roachpin_upstream_verification_failures_total");
    counter_family& queries_ = counter("roachpin_dns_queries_total");
    counter_family& answers_refused_ = counter("roachpin_dns_answers_refused_total");
    counter_family& forged_ = counter("roachpin_dns_forged_replies_total");
    histogram_family& opening_ = histogram("roachpin_client_opening_seconds");
    histogram_family& establish_ = histogram("roachpin_establish_seconds");
    histogram_family& session_ = histogram("roachpin_session_seconds");
    histogram_family& dial_ = histogram("roachpin_upstream_dial_seconds");
    histogram_family& query_ = histogram("roachpin_dns_query_seconds");
};

metrics::metrics() : counts_(std::make_unique<counts>()) {}

metrics::~metrics() = default;

void metrics::on_event(core::event_id, const core::event& what) noexcept {
    try {
        std::visit(*counts_, what);
    } catch (...) { // out of memory: a count is lost, the session is not
    }
}

void metrics::expect(const metric_subjects& subjects) {
    counts_->expect(subjects);
}

totals metrics::since_start() const {
    return {.sessions = counts_->sessions,
            .refused = counts_->refused,
            .dns_answers = counts_->dns_answers,
            .dns_refused = counts_->dns_refused,
            .hostile_dials = counts_->hostile_dials};
}

std::string metrics::to_text(const status& now) const {
    auto families = counts_->registry.Collect();
    for (auto& one : gauges_of(now)) {
        families.push_back(std::move(one));
    }
    return prometheus::TextSerializer().Serialize(families);
}

} // namespace roachpin::telemetry
