#include "telemetry/admin_pages.hpp"

#include "core/ip_address.hpp"
#include "telemetry/page_assets.hpp"
#include "telemetry/status_json.hpp"
#include "telemetry/status_page.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace roachpin::telemetry {
namespace {

/// Of "/readyz?mode=all": "/readyz" and "mode=all".
std::pair<std::string_view, std::string_view> parts_of(std::string_view target) {
    const auto mark = target.find('?');
    if (mark == std::string_view::npos) {
        return {target, {}};
    }
    return {target.substr(0, mark), target.substr(mark + 1)};
}

/// "localhost:9257", "127.0.0.1", "[::1]:9257", without the port.
std::string_view without_port(std::string_view host) {
    if (host.starts_with('[')) {
        return host.substr(1, host.find(']') - 1);
    }
    return host.substr(0, host.find(':'));
}

bool is_of_this_machine(std::string_view host) {
    const auto name = without_port(host);
    return host.empty() || name == "localhost" || core::ip_address::parse(name);
}

http_answer probed(const admin_source::probe& failed) {
    if (failed) {
        return {503, *failed + "\n"};
    }
    return {200, "ok\n"};
}

std::optional<readiness_mode> mode_of(std::string_view query) {
    if (query.empty() || query == "mode=any") {
        return readiness_mode::any;
    }
    if (query == "mode=all") {
        return readiness_mode::all;
    }
    if (query == "mode=process") {
        return readiness_mode::process;
    }
    return std::nullopt;
}

http_answer ready(const admin_source& from, std::string_view query) {
    const auto mode = mode_of(query);
    if (!mode) {
        return {400, "expected /readyz?mode=process, any or all\n"};
    }
    return probed(from.ready(*mode));
}

using page = http_answer (*)(const admin_source& from, std::string_view query);

constexpr std::array<std::pair<std::string_view, page>, 8> pages{{
    {"/",
     [](const admin_source& from, std::string_view) -> http_answer {
         return {.body = to_html(from.status()),
                 .content_type = "text/html; charset=utf-8",
                 .headers = {{"Content-Security-Policy", page_security_policy}}};
     }},
    {"/page.css",
     [](const admin_source&, std::string_view) -> http_answer {
         return {200, std::string(page_css), "text/css; charset=utf-8"};
     }},
    {"/page.js",
     [](const admin_source&, std::string_view) -> http_answer {
         return {200, std::string(page_js), "text/javascript; charset=utf-8"};
     }},
    {"/status",
     [](const admin_source& from, std::string_view) -> http_answer {
         return {200, to_json(from.status()) + "\n", "application/json"};
     }},
    {"/metrics",
     [](const admin_source& from, std::string_view) -> http_answer {
         return {200, from.metrics(), "text/plain; version=0.0.4; charset=utf-8"};
     }},
    {"/livez",
     [](const admin_source& from, std::string_view) -> http_answer {
         return probed(from.live());
     }},
    {"/readyz", ready},
    {"/startupz",
     [](const admin_source& from, std::string_view) -> http_answer {
         return probed(from.started());
     }},
}};

http_answer not_found() {
    std::string known;
    for (const auto& [path, shown] : pages) {
        known.append(" ").append(path);
    }
    return {404, "no such page; there are:" + known + "\n"};
}

http_answer answer(const http_request& asked, const admin_source& from) {
    const auto [path, query] = parts_of(asked.target);
    for (const auto& [known, shown] : pages) {
        if (known == path) {
            return shown(from, query);
        }
    }
    return not_found();
}

} // namespace

http_handler admin_pages(admin_source from, bool loopback_only) {
    return [from = std::move(from), loopback_only](const http_request& asked) -> http_answer {
        if (loopback_only && !is_of_this_machine(asked.host)) {
            return {421, "expected a Host header with an address or localhost\n"};
        }
        auto made = asked.method == "GET"
                        ? answer(asked, from)
                        : http_answer{.status = 405,
                                      .body = "GET only; what changes anything is POST on the "
                                              "control socket (admin.control)\n",
                                      .headers = {{"Allow", "GET"}}};
        made.headers.emplace_back("Cache-Control", "no-store");
        made.headers.emplace_back("X-Content-Type-Options", "nosniff");
        made.headers.emplace_back("Referrer-Policy", "no-referrer");
        made.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
        return made;
    };
}

} // namespace roachpin::telemetry
