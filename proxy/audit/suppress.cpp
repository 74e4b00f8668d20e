#include "audit/suppress.hpp"

#include "audit/catalogue.hpp"
#include "core/printable.hpp"

#include <charconv>

namespace roachpin::audit {
namespace {

/// Of "roachpin.yaml:12: suppress[0]": 12.
std::size_t line_of(const std::string& where) {
    const auto end = where.find(": ");
    const auto begin = where.rfind(':', end == std::string::npos ? end : end - 1);
    std::size_t line = 1;
    if (end != std::string::npos && begin != std::string::npos) {
        std::from_chars(where.data() + begin + 1, where.data() + end, line);
    }
    return line;
}

bool covers(const settings::suppression& rule, const finding& one) {
    return rule.id == one.id && (!rule.host || rule.host->text() == one.host);
}

std::string text_of(const std::chrono::year_month_day& day) {
    const auto two = [](unsigned number) {
        return (number < 10 ? "0" : "") + std::to_string(number);
    };
    return std::to_string(static_cast<int>(day.year())) + "-" +
           two(static_cast<unsigned>(day.month())) + "-" + two(static_cast<unsigned>(day.day()));
}

} // namespace

void apply_suppressions(report& into, const std::vector<settings::suppression>& suppressions,
                        std::chrono::sys_days today) {
    std::vector<finding> expired;
    for (const auto& rule : suppressions) {
        if (std::chrono::sys_days(rule.expires) < today) {
            expired.push_back(make_finding(
                "CFG-SUPPRESSION-EXPIRED", rule.host ? rule.host->text() : "", rule.id,
                line_of(rule.where), rule.id + " was suppressed until " + text_of(rule.expires)));
            continue;
        }
        for (auto& one : into.findings) {
            if (covers(rule, one)) {
                one.suppressed = true;
                one.suppression = core::printable(rule.reason);
            }
        }
    }
    into.findings.insert(into.findings.end(), expired.begin(), expired.end());
}

} // namespace roachpin::audit
