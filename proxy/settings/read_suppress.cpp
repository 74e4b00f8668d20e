#include "settings/read_suppress.hpp"

#include "core/finding_ids.hpp"
#include "settings/nearest.hpp"
#include "settings/values.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace roachpin::settings {
namespace {

core::result<std::string> parse_finding(std::string_view text) {
    const auto& known = core::finding_ids;
    if (std::find(known.begin(), known.end(), text) != known.end()) {
        return {boost::system::in_place_value, text};
    }
    const auto meant = nearest(text, {known.begin(), known.end()});
    return core::error{
        "\"" + std::string(text) + "\" is no finding of roachpin check" +
        (meant ? "; did you mean \"" + *meant + "\"?" : "; they are listed in config/findings.md")};
}

/// Whoever reads it in half a year must be able to judge it.
core::result<std::string> parse_reason(std::string_view text) {
    if (text.find_first_not_of(" \t\n") == std::string_view::npos) {
        return core::error{"the reason is empty; say why this is no problem here"};
    }
    return {boost::system::in_place_value, text};
}

} // namespace

std::vector<placed_suppression> read_suppress(mapping& root) {
    std::vector<placed_suppression> all;
    root.sections("suppress", [&](mapping& entry) {
        placed_suppression one;
        one.value.where = entry.where().to_string();
        one.host = entry.place_of("host");
        one.value.id = entry.required("id", parse_finding).value_or("");
        one.value.host = entry.optional("host", core::host_name::parse);
        one.value.reason = entry.required("reason", parse_reason).value_or("");
        one.value.expires =
            entry.required("expires", parse_date).value_or(std::chrono::year_month_day{});
        all.push_back(std::move(one));
    });
    return all;
}

} // namespace roachpin::settings
