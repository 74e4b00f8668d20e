#pragma once

#include "core/event.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace roachpin::telemetry {

/// `none`: for metrics alone, never written.
enum class severity { none, debug, info, warning, error };

using field_value = std::variant<std::string, std::uint64_t, double, bool>;
using field = std::pair<std::string_view, field_value>;

/// An event as the log shows it: the name and the fields in the order they are written. Empty
/// texts are left out. What a peer chose has been made printable.
struct event_line {
    severity level = severity::info;
    std::string_view name;
    std::vector<field> fields;
    bool may_be_folded = false; ///< nobody was told its id: a number of the like may stand for all
};

/// One answer for each event: a new one does not compile until it has its line here.
event_line describe(const core::event& what);

} // namespace roachpin::telemetry
