#include "audit/verdict.hpp"

#include "audit/catalogue.hpp"
#include "audit/fingerprint.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>

namespace roachpin::audit {
namespace {

constexpr std::array thresholds{severity::low, severity::medium, severity::high,
                                severity::critical};

core::error no_report(const std::string& why) {
    return core::error{"this is no report of roachpin check --format json: " + why};
}

} // namespace

core::result<severity> parse_threshold(std::string_view text) {
    const auto* found = std::find_if(thresholds.begin(), thresholds.end(),
                                     [&](severity one) { return to_string(one) == text; });
    if (found == thresholds.end()) {
        return core::error{"\"" + std::string(text) +
                           "\" is no severity; write low, medium, high or critical"};
    }
    return *found;
}

core::result<std::set<std::string>> read_baseline(const std::string& json) {
    boost::system::error_code failed;
    const auto document = boost::json::parse(json, failed);
    if (failed) {
        return no_report(failed.message());
    }
    const auto* root = document.if_object();
    const auto* findings = root != nullptr ? root->if_contains("findings") : nullptr;
    if (findings == nullptr || !findings->is_array()) {
        return no_report("there is no list of findings in it");
    }
    std::set<std::string> known;
    for (const auto& one : findings->get_array()) {
        const auto* fields = one.if_object();
        const auto* print = fields != nullptr ? fields->if_contains("fingerprint") : nullptr;
        if (print == nullptr || !print->is_string()) {
            return no_report("a finding has no fingerprint");
        }
        known.emplace(print->get_string());
    }
    return known;
}

void apply_baseline(report& into, const std::set<std::string>& known) {
    for (auto& one : into.findings) {
        one.known = known.contains(fingerprint(one));
    }
}

bool counts(const finding& one) {
    return !one.suppressed && !one.known;
}

verdict verdict_on(const report& from, severity threshold) {
    const auto fails = [&](const finding& one) {
        return counts(one) && one.level >= threshold && !find(one.id)->could_not_look;
    };
    if (std::any_of(from.findings.begin(), from.findings.end(), fails)) {
        return verdict::findings;
    }
    return from.unfinished.empty() ? verdict::clean : verdict::unfinished;
}

} // namespace roachpin::audit
