#include "audit/catalogue.hpp"
#include "audit/fingerprint.hpp"
#include "audit/legible.hpp"
#include "audit/write_report.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace roachpin::audit {
namespace {

namespace json = boost::json;

json::string_view text_of(std::string_view text) {
    return {text.data(), text.size()};
}

json::object to_object(const finding& one) {
    json::object made{
        {"id", text_of(one.id)},           {"severity", text_of(to_string(one.level))},
        {"fingerprint", fingerprint(one)}, {"host", one.host},
        {"subject", one.subject},          {"line", one.line},
        {"evidence", one.evidence},        {"remedy", text_of(find(one.id)->remediation)}};
    if (one.suppressed) {
        made["suppressed"] = *one.suppressed;
    }
    if (one.known) {
        made["in_baseline"] = true;
    }
    return made;
}

json::object to_object(const looked_at& one) {
    return {{"stage", one.stage},
            {"host", one.host},
            {"subject", one.subject},
            {"result", one.skipped  ? "skipped"
                       : one.passed ? "passed"
                                    : "failed"},
            {"outcome", one.outcome}};
}

template <class Things>
json::array to_array(const Things& things) {
    json::array all;
    for (const auto& one : things) {
        all.push_back(to_object(one));
    }
    return all;
}

} // namespace

std::string write_json(const report& found, const std::string& version) {
    const auto from = legible(found);
    json::array unfinished;
    for (const auto& one : from.unfinished) {
        unfinished.emplace_back(one);
    }
    const json::object made{{"format", 1},
                            {"meta", {{"roachpin", version}, {"configuration", from.file}}},
                            {"findings", to_array(from.findings)},
                            {"steps", to_array(from.steps)},
                            {"unfinished", std::move(unfinished)}};
    return json::serialize(made) + "\n";
}

} // namespace roachpin::audit
