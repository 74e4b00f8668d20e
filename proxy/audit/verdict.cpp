#include "audit/verdict.hpp"

#include "audit/catalogue.hpp"
#include "audit/fingerprint.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <optional>

namespace roachpin::audit {
namespace {

/// Empty where there is none.
std::string text_at(const boost::json::value& fields, const char* key) {
    const auto* object = fields.if_object();
    const auto* value = object != nullptr ? object->if_contains(key) : nullptr;
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string(text->data(), text->size()) : "";
}

std::optional<severity> severity_of(std::string_view text) {
    for (const auto level :
         {severity::info, severity::low, severity::medium, severity::high, severity::critical}) {
        if (to_string(level) == text) {
            return level;
        }
    }
    return std::nullopt;
}

core::error no_report(const std::string& why) {
    return core::error{"this is no report of roachpin check --format json: " + why};
}

} // namespace

core::result<severity> parse_threshold(std::string_view text) {
    const auto level = severity_of(text);
    if (!level || *level == severity::info) {
        return core::error{"\"" + std::string(text) +
                           "\" is no severity; write low, medium, high or critical"};
    }
    return *level;
}

core::result<baseline> read_baseline(const std::string& json) {
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
    baseline known;
    for (const auto& one : findings->get_array()) {
        const auto print = text_at(one, "fingerprint");
        const auto level = severity_of(text_at(one, "severity"));
        if (print.empty() || !level) {
            return no_report("a finding has no fingerprint or severity");
        }
        if (!one.get_object().contains("suppressed")) {
            known.insert_or_assign(print, *level);
        }
    }
    return known;
}

void apply_baseline(report& into, const baseline& known) {
    for (auto& one : into.findings) {
        const auto found = known.find(fingerprint(one));
        one.known = found != known.end() && one.level <= found->second;
    }
}

bool counts(const finding& one) {
    return !one.suppressed && !one.known;
}

bool fails(const finding& one, severity threshold) {
    return counts(one) && one.level >= threshold && !find(one.id)->could_not_look;
}

verdict verdict_on(const report& from, severity threshold) {
    if (std::any_of(from.findings.begin(), from.findings.end(),
                    [&](const finding& one) { return fails(one, threshold); })) {
        return verdict::findings;
    }
    return from.unfinished.empty() ? verdict::clean : verdict::unfinished;
}

} // namespace roachpin::audit
