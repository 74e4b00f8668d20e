#pragma once

#include "app/assemble.hpp"
#include "net/discovery.hpp"
#include "settings/model.hpp"
#include "telemetry/status.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

/// From what the parts know to what people are shown. Pure: the moment is given.
namespace roachpin::app {

/// One moment on both clocks: the parts count on the steady one, people read the other.
struct moment {
    core::time_point steady;
    telemetry::wall_time wall;

    telemetry::wall_time at(core::time_point when) const {
        return wall - std::chrono::duration_cast<telemetry::wall_time::duration>(steady - when);
    }
};

struct octets {
    std::uint64_t to_node = 0;
    std::uint64_t to_client = 0;
};

/// What is known beside the configuration and `net::standing`.
struct node_counts {
    std::map<std::string, octets> passed; ///< by host
    std::function<std::size_t(const core::host_name&, const core::endpoint&)> spares;
};

/// One for each configured node, in the order of the file.
std::vector<telemetry::node_report> report_nodes(const settings::cluster& configured,
                                                 const net::standing& now,
                                                 const node_counts& counts, const moment& when);

std::vector<telemetry::certificate_status>
report_certificates(const std::vector<dated_certificate>& from);

/// Whether a session may be had: somewhere, and everywhere that is configured.
struct usability {
    bool anywhere = false;
    bool everywhere = false;
};

usability usability_of(const std::vector<telemetry::node_report>& nodes);

} // namespace roachpin::app
