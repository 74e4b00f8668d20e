#include "app/generation.hpp"

#include "net/internal_error.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace roachpin::app {
namespace {

net::session_timeouts to_session_timeouts(const settings::timeouts& from) {
    return {from.client_opening, from.dial, from.establish, {from.idle, from.half_close}};
}

net::keepalive_options to_keepalive(const settings::keepalive& from) {
    return {from.idle, from.interval, static_cast<int>(from.count), from.user_timeout};
}

net::discovery_options to_discovery_options(const settings::health& health, const parts& made) {
    return {made.nodes,
            made.names,
            {health.interval, health.fall, health.rise},
            health.timeout,
            made.health};
}

bool same_servers(const settings::resolver& a, const settings::resolver& b) {
    return std::equal(a.servers.begin(), a.servers.end(), b.servers.begin(), b.servers.end(),
                      [](const auto& one, const auto& other) { return one.text == other.text; });
}

/// The most spare connections there may be: a resolved node may have many addresses.
std::size_t most_spares(const settings::configuration& from) {
    std::size_t places = 0;
    for (const auto& node : from.cluster.nodes) {
        const auto* pinned = std::get_if<settings::pinned>(&node.found);
        places += pinned != nullptr ? pinned->addresses.size() : from.resolver.max_addresses;
    }
    return places * from.spares.per_node;
}

} // namespace

generation::generation(net::executor control, const configuration_source& source, prepared from,
                       core::event_source& events)
    : configuration_(std::move(from.configuration)),
      files_(control, files_of(source, configuration_)), listeners_(std::move(from.made.listeners)),
      certificates_(std::move(from.made.certificates)), nodes_(from.made.nodes),
      names_(from.made.names), upstream_(from.made.upstream),
      looking_(control, net::internal_errors_to(events)) {
    if (from.made.resolver && !names_.empty()) {
        resolver_ =
            std::make_unique<net::resolver>(control, std::move(*from.made.resolver), events);
    }
    discovery_ = std::make_unique<net::discovery>(
        control, to_discovery_options(configuration_.health, from.made), resolver_.get(), upstream_,
        events);
}

void generation::learn_from(const generation& before) {
    discovery_->learn_from(*before.discovery_,
                           same_servers(configuration_.resolver, before.configuration_.resolver));
}

std::string generation::trouble() const {
    std::string text;
    for (const auto& failure : discovery_->failures()) {
        text += (text.empty() ? "" : "\n") + failure;
    }
    return text;
}

void generation::go_on(net::discovery::publisher publish, std::function<void()> file_changed) {
    discovery_->publish_to(std::move(publish));
    discovery_->keep_looking(looking_);
    looking_.spawn(watch_files(std::move(file_changed)));
}

net::awaitable<void> generation::watch_files(std::function<void()> file_changed) {
    while (true) {
        co_await files_.changed();
        file_changed();
    }
}

net::awaitable<void> generation::stop() {
    looking_.cancel();
    co_await looking_.join();
}

net::session_plan generation::plan_with(policy::cluster cluster) const {
    const auto& from = configuration_;
    return {std::move(cluster),
            upstream_,
            to_session_timeouts(from.timeouts),
            to_keepalive(from.keepalive),
            {from.lifetime.max, from.lifetime.jitter_percent / 100.0},
            readiness_hold()};
}

net::spare_options generation::spares() const {
    return {configuration_.spares.per_node, configuration_.spares.max_age,
            configuration_.timeouts.dial, to_keepalive(configuration_.keepalive)};
}

std::shared_ptr<const net::review_rules> generation::review_until(core::time_point latest) const {
    return std::make_shared<const net::review_rules>(
        net::review_rules{nodes_, names_, upstream_, latest});
}

unsigned worker_count(const settings::configuration& from) {
    return from.workers > 0 ? from.workers : std::max(1U, std::thread::hardware_concurrency());
}

descriptor_needs needs_of(const settings::configuration& from) {
    const bool passes =
        std::any_of(from.listeners.begin(), from.listeners.end(), [](const auto& one) {
            return one.mode == settings::listener_mode::passthrough;
        });
    return {from.limits.max_connections, from.limits.max_opening, most_spares(from),
            from.listeners.size(),       worker_count(from),      passes};
}

std::string needs_restart(const settings::configuration& running,
                          const settings::configuration& next) {
    std::string keys;
    const auto note = [&](bool differs, const char* key) {
        if (differs) {
            keys += (keys.empty() ? "" : ", ") + std::string(key);
        }
    };
    note(running.workers != next.workers, "workers");
    note(running.admin.bind != next.admin.bind, "admin.bind");
    note(running.admin.control != next.admin.control, "admin.control");
    note(running.start != next.start, "start");
    return keys;
}

} // namespace roachpin::app
