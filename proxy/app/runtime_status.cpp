#include "app/runtime.hpp"
#include "app/status_report.hpp"
#include "app/version.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

/// What the runtime shows of itself: the answers of the admin server.
namespace roachpin::app {
namespace {

using net::use_awaitable;

/// A worker that has not answered for so long hangs: its loop waits for nothing.
constexpr auto longest_silence = std::chrono::seconds(30);

} // namespace

std::map<std::string, octets> runtime::passed() const {
    std::map<std::string, octets> sums;
    for (const auto& one : workers_) {
        one->passed().for_each([&](const std::string& host, const net::traffic& passed) {
            auto& sum = sums[host];
            sum.to_node += passed.to_node();
            sum.to_client += passed.to_client();
        });
    }
    return sums;
}

std::vector<telemetry::node_report> runtime::report_nodes() const {
    node_counts counts{passed(), {}};
    counts.spares = [this](const core::host_name& host, const core::endpoint& where) {
        return spares_.kept_at(host, where);
    };
    const moment when{core::clock::now(), std::chrono::system_clock::now()};
    return app::report_nodes(now_->configuration().cluster, now_->discovery().standing(), counts,
                             when);
}

telemetry::totals runtime::totals() const {
    auto sum = seen_.metrics.since_start();
    for (const auto& [host, octets] : passed()) {
        sum.bytes_to_node += octets.to_node;
        sum.bytes_to_client += octets.to_client;
    }
    return sum;
}

telemetry::status runtime::status() const {
    const auto not_ready = why_not_ready(telemetry::readiness_mode::any);
    return {.version = version(),
            .now = std::chrono::system_clock::now(),
            .started_at = started_at_,
            .ready = !not_ready,
            .draining = stopping_,
            .not_ready_because = not_ready.value_or(""),
            .configured_at = configured_at_,
            .last_reload = last_reload_,
            .connections = connections_.taken(),
            .max_connections = connections_.limit(),
            .listeners = listeners_.report(),
            .nodes = report_nodes(),
            .certificates = report_certificates(now_->certificates()),
            .since_start = totals(),
            .log_lines_lost = seen_.log.lost(),
            .history = {samples_.begin(), samples_.end()},
            .events = seen_.recent.newest()};
}

telemetry::admin_source runtime::admin_source() {
    return {.status = [this] { return status(); },
            .metrics = [this] { return seen_.metrics.to_text(status()); },
            .live = [this] { return why_not_live(); },
            .started = [this]() -> std::optional<std::string> {
                if (proved_once_) {
                    return std::nullopt;
                }
                return plan_.current()->cluster.waiting();
            },
            .ready =
                [this](telemetry::readiness_mode mode) {
                    return why_not_ready(mode);
                }};
}

void runtime::note_subjects() {
    telemetry::metric_subjects subjects;
    for (const auto& node : now_->configuration().cluster.nodes) {
        subjects.nodes.push_back(node.host.text());
        if (std::holds_alternative<settings::resolved>(node.found)) {
            subjects.resolved.push_back(node.host.text());
        }
    }
    for (const auto& listener : listeners_.report()) {
        subjects.listeners.push_back(listener.address);
    }
    seen_.metrics.expect(subjects);
}

void runtime::note_readiness(core::time_point now) {
    const auto seen = usability_of(report_nodes());
    ready_anywhere_.note(seen.anywhere, now);
    ready_everywhere_.note(seen.everywhere, now);
}

std::optional<std::string> runtime::why_not_ready(telemetry::readiness_mode mode) const {
    if (stopping_) {
        return "draining";
    }
    if (mode == telemetry::readiness_mode::process) {
        return std::nullopt;
    }
    const auto now = core::clock::now();
    const bool any = mode == telemetry::readiness_mode::any;
    if ((any ? ready_anywhere_ : ready_everywhere_).is_ready(now)) {
        return std::nullopt;
    }
    const auto trouble = now_->trouble();
    return std::string(any ? "no verified node can be used" : "not every node can be used") +
           (trouble.empty() ? "" : "\n" + trouble);
}

std::optional<std::string> runtime::why_not_live() const {
    if (workers_end_ || core::clock::now() - alive_at_ < longest_silence) {
        return std::nullopt;
    }
    return std::to_string(silent_workers_) + " of " + std::to_string(workers_.size()) +
           " threads have not answered for more than 30 s";
}

void runtime::take_sample() {
    samples_.push_back({std::chrono::system_clock::now(), totals()});
    if (samples_.size() > telemetry::most_samples) {
        samples_.pop_front();
    }
}

/// Readiness is looked at by the clock, too: not every proof changes what is published.
net::awaitable<void> runtime::keep_looking_at_itself() {
    net::timer next(control_.get_executor());
    auto next_sample = core::clock::now();
    while (true) {
        const auto now = core::clock::now();
        note_readiness(now);
        if (now >= next_sample) {
            take_sample();
            next_sample = now + telemetry::sample_interval;
        }
        next.expires_after(std::chrono::milliseconds(250));
        co_await next.async_wait(use_awaitable);
    }
}

} // namespace roachpin::app
