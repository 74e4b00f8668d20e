#include "app/listeners.hpp"

#include "app/write_file.hpp"
#include "net/internal_error.hpp"

#include <algorithm>
#include <utility>

namespace roachpin::app {
namespace {

/// What a client may expect of a listener's TLS.
std::string offer_of(const net::listener_rules& rules) {
    if (rules.mode == net::listener_mode::passthrough) {
        return "passthrough";
    }
    if (!rules.tls) {
        return "none";
    }
    return rules.admission.tls_required ? "required" : "offered";
}

net::listener_rules take_rules(listener_parts& from) {
    return {std::move(from.admission), std::move(from.tls), from.mode};
}

} // namespace

listeners::listeners(net::executor control, const worker_pool& workers, net::opening_places& places,
                     core::event_source& events)
    : control_(control), workers_(workers), places_(places), events_(events) {}

boost::system::result<listeners::staged, problems>
listeners::stage(std::vector<listener_parts> wanted) const {
    staged next;
    auto failures = refuse_inherited(wanted);
    std::vector<core::bind_address> binds;
    for (auto& one : wanted) {
        staged::entry entry{std::move(one), {}};
        // With port 0 several may be at one bind.
        const auto open = std::count_if(open_.begin(), open_.end(), [&](const door& other) {
            return other.configured == entry.wanted.bind;
        });
        if (std::count(binds.begin(), binds.end(), entry.wanted.bind) >= open) {
            auto socket = socket_for(entry.wanted);
            if (!socket) {
                failures.push_back(entry.wanted.where + ".bind: " + socket.error().sentence);
                continue;
            }
            entry.opened.emplace_back(entry.wanted.bind, std::move(*socket));
        }
        binds.push_back(entry.wanted.bind);
        next.entries_.push_back(std::move(entry));
    }
    for (const auto& one : next.entries_) {
        if (failures.empty() && one.wanted.export_file) {
            const auto& file = *one.wanted.export_file;
            if (auto failed = write_file(file.path, one.wanted.exported)) {
                failures.push_back(file.where + ": " + failed->sentence);
            }
        }
    }
    if (!failures.empty()) {
        return failures;
    }
    return next;
}

core::result<net::listening_socket> listeners::socket_for(const listener_parts& wanted) const {
    for (const auto& socket : inherited_) {
        if (socket.bound() == wanted.bind) {
            return socket.share();
        }
    }
    return net::listening_socket::open(wanted.bind, wanted.unix_mode);
}

problems listeners::refuse_inherited(const std::vector<listener_parts>& wanted) const {
    problems failures;
    for (const auto& socket : inherited_) {
        const auto user =
            std::find_if(wanted.begin(), wanted.end(),
                         [&](const listener_parts& one) { return one.bind == socket.bound(); });
        if (user == wanted.end()) {
            failures.push_back("this process was started with a socket at " +
                               core::to_string(socket.bound()) +
                               ", and no listener has that place: make ListenStream= of the "
                               "systemd unit and listeners[].bind the same");
        } else if (const auto refused = socket.refuse_mode(user->unix_mode)) {
            failures.push_back(user->where + ".unix_mode: " + refused->sentence);
        }
    }
    return failures;
}

net::awaitable<void> listeners::commit(staged next) {
    std::list<door> stay;
    std::vector<std::pair<door*, listener_parts*>> fresh;
    for (auto& entry : next.entries_) {
        if (!entry.opened.empty()) {
            stay.splice(stay.end(), entry.opened);
            fresh.emplace_back(&stay.back(), &entry.wanted);
            continue;
        }
        const auto open = std::find_if(open_.begin(), open_.end(), [&](const door& one) {
            return one.configured == entry.wanted.bind;
        });
        if (open != open_.end()) {
            change(*open, entry.wanted);
            stay.splice(stay.end(), open_, open);
        }
    }
    std::swap(open_, stay);
    for (auto& [one, with] : fresh) {
        begin(*one, *with);
    }
    for (auto& gone : stay) {
        co_await close(gone);
        events_.emit(core::events::listener_closed{gone.listener->name()});
    }
}

net::awaitable<void> listeners::close() {
    for (auto& one : open_) {
        co_await close(one);
    }
    open_.clear();
}

std::vector<telemetry::listener_report> listeners::report() const {
    std::vector<telemetry::listener_report> all;
    for (const auto& one : open_) {
        const auto rules = one.listener->rules();
        const auto& connections = one.listener->connections();
        const bool passes = rules->mode == net::listener_mode::passthrough;
        all.push_back({one.listener->name(), passes ? "passthrough" : "originate", offer_of(*rules),
                       connections.taken(), connections.limit()});
    }
    return all;
}

made_certificates listeners::certificates() const {
    made_certificates all;
    for (const auto& one : open_) {
        if (one.made_certificate) {
            all.emplace(core::to_string(one.configured), one.made_certificate);
        }
    }
    return all;
}

net::awaitable<void> listeners::close(door& one) {
    one.accepting->cancel();
    co_await one.accepting->join();
    if (!one.socket.is_inherited()) {
        co_await net::accept_rest(one.socket, one.listener, workers_, places_, events_);
    }
    one.listener->close();
}

void listeners::change(door& one, listener_parts& to) {
    one.made_certificate = std::move(to.made_certificate);
    one.socket.set_mode(to.unix_mode);
    one.listener->change(take_rules(to), to.max_connections);
}

void listeners::begin(door& one, listener_parts& with) {
    const auto name = core::to_string(one.socket.bound());
    one.made_certificate = std::move(with.made_certificate);
    one.listener = std::make_shared<net::listener>(name, take_rules(with), with.max_connections);
    one.accepting = std::make_unique<net::task_group>(control_, net::internal_errors_to(events_));
    one.accepting->spawn(
        net::accept_connections(one.socket, one.listener, workers_, places_, events_));
    if (one.made_certificate) {
        const auto& file = with.export_file;
        events_.emit(
            core::events::local_certificate_made{name, file ? file->path.string() : std::string()});
    }
    events_.emit(core::events::listening{name, offer_of(*one.listener->rules())});
}

} // namespace roachpin::app
