#include "audit/suppress.hpp"

#include "audit/catalogue.hpp"
#include "audit/wording.hpp"
#include "core/printable.hpp"

namespace roachpin::audit {
namespace {

bool covers(const settings::suppression& rule, const finding& one) {
    return rule.id == one.id && (!rule.host || rule.host->text() == one.host);
}

} // namespace

void apply_suppressions(report& into, const std::vector<settings::suppression>& suppressions,
                        std::chrono::sys_days today) {
    std::vector<finding> expired;
    for (const auto& rule : suppressions) {
        if (std::chrono::sys_days(rule.expires) < today) {
            expired.push_back(
                make_finding("CFG-SUPPRESSION-EXPIRED", rule.host ? rule.host->text() : "", rule.id,
                             settings::line_of(rule.where),
                             rule.id + " was suppressed until " + day_of(rule.expires)));
            continue;
        }
        for (auto& one : into.findings) {
            if (covers(rule, one)) {
                one.suppressed = core::printable(rule.reason);
            }
        }
    }
    into.findings.insert(into.findings.end(), expired.begin(), expired.end());
    sort_findings(into);
}

} // namespace roachpin::audit
