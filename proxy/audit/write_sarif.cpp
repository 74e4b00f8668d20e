#include "audit/catalogue.hpp"
#include "audit/fingerprint.hpp"
#include "audit/legible.hpp"
#include "audit/write_report.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

/// Source: SARIF 2.1.0, OASIS Standard; GitHub, "SARIF support for code scanning".
namespace roachpin::audit {
namespace {

namespace json = boost::json;

json::string_view text_of(std::string_view text) {
    return {text.data(), text.size()};
}

/// "security-severity", which GitHub sorts by: SPEC.md, "Findings of check".
json::string_view number_of(severity level) {
    switch (level) {
    case severity::critical:
        return "9.0";
    case severity::high:
        return "7.0";
    case severity::medium:
        return "5.0";
    case severity::low:
        return "3.0";
    case severity::info:
        break;
    }
    return "0.0";
}

json::string_view level_of(severity level) {
    switch (level) {
    case severity::critical:
    case severity::high:
        return "error";
    case severity::medium:
        return "warning";
    case severity::low:
    case severity::info:
        break;
    }
    return "note";
}

json::object message(std::string_view text) {
    return {{"text", text_of(text)}};
}

json::object rule_of(const catalogue_entry& entry) {
    return {{"id", text_of(entry.id)},
            {"shortDescription", message(entry.title)},
            {"fullDescription", message(entry.meaning)},
            {"help", message(entry.remediation)},
            {"defaultConfiguration", {{"level", level_of(entry.level)}}},
            {"properties",
             {{"security-severity", number_of(entry.level)}, {"tags", {"security", "roachpin"}}}}};
}

/// A file's name, octet by octet, as part of a URI (RFC 3986).
std::string uri_of(const std::string& path) {
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string uri;
    for (const char octet : path) {
        if (plain.find(octet) != std::string_view::npos) {
            uri += octet;
        } else {
            const auto value = static_cast<unsigned char>(octet);
            uri += {'%', digits[value >> 4U], digits[value & 15U]};
        }
    }
    return uri.starts_with('/') ? "file://" + uri : uri;
}

std::string sentence_of(const finding& one) {
    std::string text;
    for (const auto& part : {one.host, one.subject}) {
        text += part.empty() ? "" : part + ": ";
    }
    return text + one.evidence + "\n" + std::string(find(one.id)->remediation);
}

json::object result_of(const finding& one, const std::string& file) {
    const json::object location{
        {"physicalLocation",
         {{"artifactLocation", {{"uri", uri_of(file)}}}, {"region", {{"startLine", one.line}}}}}};
    json::object made{{"ruleId", text_of(one.id)},
                      {"level", level_of(one.level)},
                      {"message", message(sentence_of(one))},
                      {"locations", json::array{location}},
                      {"partialFingerprints", {{"roachpin/v1", fingerprint(one)}}},
                      {"properties",
                       {{"security-severity", number_of(one.level)},
                        {"host", one.host},
                        {"subject", one.subject},
                        {"evidence", one.evidence}}}};
    if (one.suppressed) {
        const json::object why{{"kind", "external"}, {"justification", *one.suppressed}};
        made["suppressions"] = json::array{why};
    }
    if (one.known) {
        made["baselineState"] = "unchanged";
    }
    return made;
}

json::object invocation_of(const report& from) {
    json::array notes;
    for (const auto& one : from.unfinished) {
        notes.push_back(json::object{{"level", "error"}, {"message", message(one)}});
    }
    return {{"executionSuccessful", from.unfinished.empty()},
            {"toolExecutionNotifications", std::move(notes)}};
}

} // namespace

std::string write_sarif(const report& found, const std::string& version) {
    const auto from = legible(found);
    json::array rules;
    for (const auto& entry : catalogue()) {
        rules.push_back(rule_of(entry));
    }
    json::array results;
    for (const auto& one : from.findings) {
        results.push_back(result_of(one, found.file));
    }
    const json::object driver{
        {"name", "roachpin"}, {"semanticVersion", version}, {"rules", std::move(rules)}};
    const json::object run{{"tool", {{"driver", driver}}},
                           {"invocations", json::array{invocation_of(from)}},
                           {"results", std::move(results)}};
    const json::object log{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                           {"version", "2.1.0"},
                           {"runs", json::array{run}}};
    return json::serialize(log) + "\n";
}

} // namespace roachpin::audit
