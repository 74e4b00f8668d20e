#include "settings/parse.hpp"

#include "settings/consistency.hpp"
#include "settings/files.hpp"
#include "settings/read_admin.hpp"
#include "settings/read_cluster.hpp"
#include "settings/read_health.hpp"
#include "settings/read_listener.hpp"
#include "settings/read_resolver.hpp"
#include "settings/read_suppress.hpp"
#include "settings/reader.hpp"
#include "settings/values.hpp"

#include <utility>

namespace roachpin::settings {
namespace {

/// Also more than a process may have descriptors, as a rule.
constexpr between<std::size_t> connection_count{1, 1'000'000};

void read_spares(mapping& in, spares& out) {
    in.value("per_node", out.per_node, between<unsigned>{0, 100});
    in.value("max_age", out.max_age, parse_positive_duration);
}

void read_lifetime(mapping& in, lifetime& out) {
    constexpr unsigned most_jitter = 50;
    in.value("max", out.max, parse_duration);
    in.value("jitter", out.jitter_percent,
             [](std::string_view text) { return parse_percentage(text, most_jitter); });
}

void read_drain(mapping& in, drain& out) {
    in.value("delay", out.delay, parse_duration);
    in.value("timeout", out.timeout, parse_duration);
}

void read_timeouts(mapping& in, timeouts& out) {
    in.value("client_opening", out.client_opening, parse_positive_duration);
    in.value("dial", out.dial, parse_positive_duration);
    in.value("establish", out.establish, parse_positive_duration);
    in.value("idle", out.idle, parse_duration);
    in.value("half_close", out.half_close, parse_positive_duration);
}

/// TCP_USER_TIMEOUT is an unsigned int of milliseconds that tcp(7) reads as an int: above, it would
/// turn into a short one.
core::result<core::duration> parse_user_timeout(std::string_view text) {
    constexpr core::duration longest = std::chrono::hours(596); // below 2^31 ms
    auto parsed = parse_duration(text);
    if (parsed && *parsed > longest) {
        return core::error{"\"" + std::string(text) +
                           "\" is more than the kernel can count; write at most 596h"};
    }
    return parsed;
}

void read_keepalive(mapping& in, keepalive& out) {
    constexpr unsigned max_tcp_keepcnt = 127; // Linux's tcp.h
    in.value("idle", out.idle, parse_keepalive_duration);
    in.value("interval", out.interval, parse_keepalive_duration);
    in.value("count", out.count, between<unsigned>{1, max_tcp_keepcnt});
    in.value("user_timeout", out.user_timeout, parse_user_timeout);
}

void read_limits(mapping& in, limits& out) {
    in.value("max_connections", out.max_connections, connection_count);
    in.value("max_opening", out.max_opening, connection_count);
}

void read_log(mapping& in, log& out) {
    in.value("level", out.level,
             one_of<log_level>{{{"debug", log_level::debug},
                                {"info", log_level::info},
                                {"warning", log_level::warning},
                                {"error", log_level::error}}});
    in.value("format", out.format,
             one_of<log_format>{{{"text", log_format::text}, {"json", log_format::json}}});
}

void read_lock(mapping& in, lock& out, const std::filesystem::path& base) {
    out.file = in.optional("file", file_to_write{base}); // `roachpin pin` makes it
    in.value("addresses", out.enforce_addresses,
             one_of<bool>{{{"report", false}, {"enforce", true}}});
    if (out.enforce_addresses && !in.has_value("file")) {
        in.complain("addresses",
                    "there is no lock to enforce; name it in lock.file, or write report");
    }
}

core::result<unsigned> parse_workers(std::string_view text) {
    constexpr unsigned most = 1024;
    if (text == "auto") {
        return 0U;
    }
    const auto number = between<unsigned>{1, most}(text);
    return number ? number : core::error{number.error().sentence + ", nor auto"};
}

template <class Placed>
auto values_of(std::vector<Placed>&& placed) {
    std::vector<decltype(Placed::value)> values;
    values.reserve(placed.size());
    for (auto& each : placed) {
        values.push_back(std::move(each.value));
    }
    return values;
}

configuration read_configuration(mapping& in, const std::filesystem::path& base) {
    configuration out;
    std::vector<placed_listener> listeners;
    read_cluster_result cluster;
    in.required_sections("listeners", [&](mapping& entry) {
        if (auto listener = read_listener(entry, base)) {
            listeners.push_back(std::move(*listener));
        }
    });
    in.required_section("cluster", [&](mapping& inner) { cluster = read_cluster(inner, base); });
    place servers;
    bool names_servers = true; // good ones or not: what is wrong with them is said already
    in.section("resolver", [&](mapping& inner) {
        servers = inner.place_of("servers");
        names_servers = inner.is_present("servers") && !inner.is_empty_list("servers");
        out.resolver = read_resolver(inner, base);
    });
    in.section("lock", [&](mapping& inner) { read_lock(inner, out.lock, base); });
    auto suppressed = read_suppress(in);
    in.value(
        "start", out.start,
        one_of<start_mode>{{{"fail_fast", start_mode::fail_fast}, {"wait", start_mode::wait}}});
    using policy::balance;
    in.value("balance", out.balance,
             one_of<balance>{{{"least_connections", balance::least_connections},
                              {"round_robin", balance::round_robin},
                              {"random", balance::random}}});
    in.section("health", [&](mapping& inner) { out.health = read_health(inner, base); });
    in.section("spares", [&](mapping& inner) { read_spares(inner, out.spares); });
    in.section("timeouts", [&](mapping& inner) { read_timeouts(inner, out.timeouts); });
    in.section("lifetime", [&](mapping& inner) { read_lifetime(inner, out.lifetime); });
    in.section("keepalive", [&](mapping& inner) { read_keepalive(inner, out.keepalive); });
    in.section("drain", [&](mapping& inner) { read_drain(inner, out.drain); });
    in.section("limits", [&](mapping& inner) { read_limits(inner, out.limits); });
    placed_admin admin;
    in.section("admin", [&](mapping& inner) {
        admin.bind = inner.place_of("bind");
        admin.control = inner.place_of("control");
        admin.value = read_admin(inner);
    });
    in.section("log", [&](mapping& inner) { read_log(inner, out.log); });
    in.value("workers", out.workers, parse_workers);
    in.finish();
    check_binds(listeners, in.pass());
    check_admin(admin, listeners, in.pass());
    out.admin = std::move(admin.value);
    check_nodes(cluster.nodes, in.pass());
    if (!names_servers) {
        check_resolution(cluster.nodes, servers, in.pass());
    }
    check_own_addresses(listeners, cluster.nodes, in.pass());
    check_suppressed_hosts(suppressed, cluster.nodes, in.pass());
    out.suppress = values_of(std::move(suppressed));
    out.listeners = values_of(std::move(listeners));
    out.cluster = std::move(cluster.value);
    out.cluster.nodes = values_of(std::move(cluster.nodes));
    return out;
}

/// How many listeners the file has, well written or not.
std::size_t count_listeners(const tree& document) {
    if (const auto* fields = std::get_if<entries>(&document.content)) {
        for (const auto& field : *fields) {
            if (field.key == "listeners") {
                const auto* items = std::get_if<std::vector<tree>>(&field.value.content);
                return items == nullptr ? 0 : items->size();
            }
        }
    }
    return 0;
}

void apply_flags(const overrides& flags, const tree& document, reading& pass) {
    const auto replace = [&](const std::string& path, const std::string& flag,
                             const std::optional<std::string>& text) {
        if (text) {
            pass.replaced.emplace(path, scalar{*text, {"command line", 0, flag}});
        }
    };
    replace("admin.bind", "--admin", flags.admin);
    replace("log.level", "--log-level", flags.log_level);
    replace("log.format", "--log-format", flags.log_format);
    const auto listeners = count_listeners(document);
    if (flags.listen && listeners > 1) {
        pass.complain({"command line", 0, "--listen"},
                      "the file has " + std::to_string(listeners) +
                          " listeners, and the flag replaces the bind of an only one; change the "
                          "file instead");
        return;
    }
    replace("listeners[0].bind", "--listen", flags.listen);
}

} // namespace

parse_result parse(const std::string& text, const std::filesystem::path& file_name,
                   const environment& variables, const overrides& flags) {
    const auto document = read_yaml(text, file_name.string());
    if (!document) {
        return std::vector<problem>{document.error()};
    }
    reading pass{file_name.string(), variables, {}, {}};
    apply_flags(flags, *document, pass);
    mapping root(pass, *document);
    configuration read;
    if (std::holds_alternative<entries>(document->content)) {
        read = read_configuration(root, file_name.parent_path());
    }
    if (!pass.problems.empty()) {
        sort_by_line(pass.problems);
        return std::move(pass.problems);
    }
    return read;
}

parse_result load(const std::filesystem::path& path, const environment& variables,
                  const overrides& flags) {
    const auto text = contents_of(path);
    if (!text) {
        return std::vector<problem>{{{path.string(), 0, ""}, text.error().sentence}};
    }
    return parse(*text, path, variables, flags);
}

} // namespace roachpin::settings
