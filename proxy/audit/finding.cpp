#include "audit/finding.hpp"

namespace roachpin::audit {

std::string_view to_string(severity level) {
    switch (level) {
    case severity::info:
        return "info";
    case severity::low:
        return "low";
    case severity::medium:
        return "medium";
    case severity::high:
        return "high";
    case severity::critical:
        break;
    }
    return "critical";
}

} // namespace roachpin::audit
