#pragma once

#include "telemetry/http.hpp"
#include "telemetry/status.hpp"

#include <functional>
#include <optional>
#include <string>

/// What the admin server (`admin.bind`) answers. Whoever reaches it may read all of it: there is no
/// secret in it, and nothing can be changed here.
namespace roachpin::telemetry {

/// Which nodes must be usable for roachpin to count as ready.
enum class readiness_mode {
    process, ///< none: it runs, and does not drain
    any,     ///< one verified address
    all,     ///< every address
};

/// Where answers come from, taken when somebody asks. A probe that fails says why; nothing
/// otherwise.
struct admin_source {
    using probe = std::optional<std::string>;

    std::function<telemetry::status()> status;
    std::function<std::string()> metrics; ///< in Prometheus' text format
    std::function<probe()> live;
    std::function<probe()> started;
    std::function<probe(readiness_mode)> ready;
};

/// GET of /metrics, /livez, /readyz, /startupz, /status and the page, and nothing else.
///
/// `loopback_only`: nobody but this machine can connect, so a Host header that is neither an
/// address nor localhost is a web page's, whose name was made to lead here (DNS rebinding): it gets
/// a 421.
http_handler admin_pages(admin_source from, bool loopback_only);

} // namespace roachpin::telemetry
