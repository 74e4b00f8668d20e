#pragma once

#include "net/discovery.hpp"
#include "net/listener.hpp"
#include "net/resolver.hpp"
#include "policy/admission.hpp"
#include "settings/model.hpp"
#include "tls/local_context.hpp"
#include "tls/upstream_context.hpp"

#include <boost/system/result.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// From what the configuration says to what the parts take: certificates are loaded here.
namespace roachpin::app {

struct listener_parts {
    core::bind_address bind;
    mode_t unix_mode = 0660;
    std::size_t max_connections = 1024;
    net::listener_mode mode = net::listener_mode::originate;
    policy::admission_rules admission;
    std::optional<tls::local_context> tls;
    std::string where;                                       ///< "roachpin.yaml:2: listeners[0]"
    std::shared_ptr<const tls::key_pair> made_certificate{}; ///< of tls.auto
    std::optional<settings::file_path> export_file{}; ///< where its certificate is to be written
    std::string exported;                             ///< the certificate, PEM
};

/// A certificate, or a revocation list, that expires some day and then stops something.
struct dated_certificate {
    std::string what; ///< the key that names it: "cluster.ca_file", "listeners[0].tls.auto"
    std::string subject;
    std::chrono::system_clock::time_point not_after;
};

struct parts {
    std::vector<policy::node> nodes; ///< pinned with their endpoints, resolved without
    std::vector<net::resolved_name> names;
    std::optional<net::resolver_options> resolver; ///< where servers are configured
    std::shared_ptr<const tls::upstream_context> upstream;
    std::optional<net::http_health> health; ///< where health.http is enabled
    std::vector<listener_parts> listeners;
    std::vector<dated_certificate> certificates; ///< trusted, and roachpin's own
};

/// Every problem at once, each "file:line: path: sentence".
using problems = std::vector<std::string>;

/// What is done with lock.file: `roachpin pin` makes it, everybody else keeps to it.
enum class lock_use { keep_to, ignore };

/// Certificates of tls.auto that are in use, by the configured bind: they outlive a reload.
using made_certificates = std::map<std::string, std::shared_ptr<const tls::key_pair>>;

/// Loads what the configuration names and puts it together. `now` dates certificates made here,
/// where `known` has none. Writes nothing.
boost::system::result<parts, problems> assemble(const settings::configuration& configuration,
                                                std::chrono::system_clock::time_point now,
                                                lock_use lock = lock_use::keep_to,
                                                made_certificates known = {});

} // namespace roachpin::app
