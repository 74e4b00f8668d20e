#pragma once

#include "telemetry/status.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// What a status comes to: one sentence, and what needs somebody's attention. Pure.
namespace roachpin::telemetry {

/// Certificates that end sooner than this are worth a warning, as in `roachpin check`.
inline constexpr auto expires_soon = std::chrono::hours(24 * 30);

/// What a concern is about: the part of the status to look at.
enum class subject { nodes, names, certificates, configuration, connections };

std::string_view to_string(subject about); ///< "nodes", …

struct concern {
    severity level = severity::warning; ///< error: something is refused, or must not go on
    subject about = subject::nodes;
    std::string sentence;
    std::string detail{}; ///< what was expected and what was there; may have several lines
};

struct summary {
    severity level = severity::info; ///< of the worst concern; error where it is not ready
    std::string headline; ///< "Ready: 3 of 3 addresses prove themselves", "HOSTILE: …", one line
    std::vector<concern> concerns; ///< worst first
};

summary summarise(const status& of);

/// Per second, between the last two samples; nothing while there are fewer.
struct rates {
    double sessions = 0;
    double refused = 0;
    double bytes_to_node = 0;
    double bytes_to_client = 0;
    double dns_answers = 0;
    double dns_refused = 0;
    double hostile_dials = 0;
};

std::optional<rates> latest_rates(const status& of);

/// What a counter has gained; nothing where it began anew.
constexpr std::uint64_t gained(std::uint64_t before, std::uint64_t after) {
    return after > before ? after - before : 0;
}

} // namespace roachpin::telemetry
