#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What `roachpin check` found out. Plain values: rules make them of what was observed, writers
/// print them.
namespace roachpin::audit {

enum class severity { info, low, medium, high, critical };

std::string_view to_string(severity level); ///< "info", "low", …

/// Something amiss. Its texts are printable (core/printable.hpp).
struct finding {
    std::string_view id; ///< of the catalogue: "DNS-ADDRESS-UNEXPECTED"
    severity level = severity::info;
    std::string host{};    ///< the node; empty where it is about the whole configuration
    std::string subject{}; ///< what exactly: an address, a server, a key of the configuration
    std::size_t line = 1;  ///< of the configuration file: where the host stands
    std::string evidence;  ///< what was expected, what was seen
    std::string mark{};    ///< what else tells it from others of its kind: the addresses seen
    std::optional<std::string> suppressed{}; ///< why, in the words of the configuration
    bool known = false;                      ///< the baseline has it: somebody has seen it before
};

/// Something that was looked at, whatever came of it.
struct looked_at {
    /// "configuration", "dns", "dnssec", "policy", "tcp", "sslrequest", "tls", "startup", "health".
    /// A finding belongs to the one of its catalogue entry's stage, host and subject.
    std::string stage;
    std::string host{};
    std::string subject{};
    bool passed = true;
    std::string outcome; ///< a sentence, or what it was skipped for
    bool skipped = false;
};

struct report {
    std::string file; ///< the configuration, as it was named
    std::vector<looked_at> steps{};
    std::vector<finding> findings{};       ///< most severe first, then in the order of the file
    std::vector<std::string> unfinished{}; ///< why something could not be looked at: exit code 3
};

/// Puts the findings into their order. What is equal in it stays as it was.
void sort_findings(report& found);

} // namespace roachpin::audit
