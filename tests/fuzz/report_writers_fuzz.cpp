#include "audit/catalogue.hpp"
#include "audit/fingerprint.hpp"
#include "audit/verdict.hpp"
#include "audit/write_report.hpp"
#include "core/printable.hpp"
#include "fuzz.hpp"
#include "telemetry/log_format.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <vector>

/// What is written down of texts that others chose: the reports of `roachpin check`, and log lines.
///
/// Fed: an octet that chooses the form, octets that say how many stages and findings there are and
/// which, among them texts, each up to an octet 0xff: names of files and hosts, what peers said.
///
/// Asserted: whatever is in the texts, JSON and SARIF are JSON, JUnit's XML is well-formed, all are
/// UTF-8 without control characters, nothing is lost or comes to stand elsewhere, a baseline knows
/// its findings again. A log line is one line, and its fields are those that were put in.
namespace {

using namespace roachpin;
using namespace roachpin::fuzz;
namespace json = boost::json;

/// No control characters of either kind: a terminal takes U+009B for ESC [.
bool is_legible(std::string_view text) {
    for (std::size_t at = 0; at + 1 < text.size(); ++at) {
        const auto next = static_cast<unsigned char>(text[at + 1]);
        if (text[at] == '\xc2' && next < 0xa0) {
            return false;
        }
    }
    return is_utf8(text) && has_no_controls(text);
}

bool is_legible_but_for_lines(std::string text) {
    std::erase(text, '\n');
    return is_legible(text);
}

std::string text_of(const json::value& text) {
    const auto& held = text.as_string();
    return {held.data(), held.size()};
}

json::value parsed(const std::string& text, const char* promise) {
    boost::system::error_code failed;
    auto value = json::parse(text, failed);
    require(!failed, promise);
    return value;
}

// --- Reports -------------------------------------------------------------------------------------

std::string next_text(input& from) {
    return from.text('\xff');
}

audit::finding next_finding(input& from) {
    const auto known = audit::catalogue();
    const auto& entry = known[from.octet() % known.size()];
    const auto options = from.octet();
    audit::finding made{.id = entry.id, .level = static_cast<audit::severity>((options & 7U) % 5)};
    made.host = next_text(from);
    made.subject = next_text(from);
    made.evidence = next_text(from);
    made.line = from.octet();
    made.known = (options & 8U) != 0;
    if ((options & 16U) != 0) {
        made.suppressed = next_text(from);
    }
    if ((options & 32U) != 0) {
        made.mark = next_text(from);
    }
    return made;
}

audit::report next_report(input& from) {
    audit::report made;
    const auto numbers = from.octet();
    made.file = next_text(from);
    for (auto left = numbers & 3U; left > 0; --left) {
        const auto options = from.octet();
        made.steps.push_back({.stage = next_text(from),
                              .host = next_text(from),
                              .subject = next_text(from),
                              .passed = (options & 1U) != 0,
                              .outcome = next_text(from),
                              .skipped = (options & 2U) != 0});
    }
    for (auto left = numbers >> 2U & 3U; left > 0; --left) {
        made.findings.push_back(next_finding(from));
    }
    for (auto left = numbers >> 4U & 1U; left > 0; --left) {
        made.unfinished.push_back(next_text(from));
    }
    return made;
}

/// Two findings of one fingerprint: a baseline goes by the severity of the last.
bool is_doubled(const audit::finding& one, const audit::report& in) {
    return std::count_if(in.findings.begin(), in.findings.end(), [&](const auto& other) {
               return audit::fingerprint(other) == audit::fingerprint(one);
           }) > 1;
}

void require_json(const audit::report& from) {
    const auto written = audit::write_json(from, "0.1.0");
    require(is_legible_but_for_lines(written), "JSON is UTF-8 without control characters");
    const auto read = parsed(written, "JSON is JSON");
    const auto& findings = read.at("findings").as_array();
    require(findings.size() == from.findings.size() &&
                read.at("steps").as_array().size() == from.steps.size() &&
                read.at("unfinished").as_array().size() == from.unfinished.size(),
            "JSON has all there is");
    for (std::size_t index = 0; index < findings.size(); ++index) {
        const auto& one = from.findings[index];
        require(text_of(findings[index].at("id")) == one.id, "a finding keeps its id");
        for (const auto* key : {"host", "subject", "evidence"}) {
            require(is_legible(text_of(findings[index].at(key))), "what JSON says is legible");
        }
        require(!is_printable_ascii(one.host) || text_of(findings[index].at("host")) == one.host,
                "what is plain stays as it is");
    }
    const auto known = audit::read_baseline(written);
    require(known.has_value(), "what was written is a baseline");
    auto again = from;
    apply_baseline(again, *known);
    for (const auto& one : again.findings) {
        require(one.known || one.suppressed || is_doubled(one, from),
                "a baseline knows its findings again");
    }
}

void require_sarif(const audit::report& from) {
    const auto written = audit::write_sarif(from, "0.1.0");
    require(is_legible_but_for_lines(written), "SARIF is UTF-8 without control characters");
    const auto read = parsed(written, "SARIF is JSON");
    const auto& results = read.at("runs").at(0).at("results").as_array();
    require(results.size() == from.findings.size(), "SARIF has all there is");
    for (std::size_t index = 0; index < results.size(); ++index) {
        require(text_of(results[index].at("ruleId")) == from.findings[index].id,
                "a result keeps its rule");
        const auto uri = text_of(results[index]
                                     .at("locations")
                                     .at(0)
                                     .at("physicalLocation")
                                     .at("artifactLocation")
                                     .at("uri"));
        require(uri.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-._~/%:") == std::string::npos,
                "a place is a URI");
    }
}

/// Of XML 1.0 what JUnit's needs, strictly: elements, attributes, text, the five entities.
class xml_reader {
public:
    explicit xml_reader(std::string_view text) : rest_(text) {}

    /// How many elements there are of that name.
    std::size_t count(std::string_view name) const {
        return static_cast<std::size_t>(std::count(seen_.begin(), seen_.end(), name));
    }

    bool is_well_formed() {
        constexpr std::string_view prolog = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        if (!take(prolog) || !element()) {
            return false;
        }
        while (!open_.empty()) {
            if (!text() || !(rest_.starts_with("</") ? end() : element())) {
                return false;
            }
        }
        return rest_ == "\n";
    }

private:
    bool take(std::string_view due) {
        if (!rest_.starts_with(due)) {
            return false;
        }
        rest_.remove_prefix(due.size());
        return true;
    }

    std::string_view name() {
        const auto size =
            std::min(rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), rest_.size());
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    /// Up to `end`, which stays.
    bool characters(std::string_view end) {
        while (!rest_.empty() && end.find(rest_.front()) == std::string_view::npos) {
            if (rest_.front() == '&') {
                if (!take("&amp;") && !take("&lt;") && !take("&gt;") && !take("&quot;")) {
                    return false;
                }
            } else if (rest_.front() == '<') {
                return false;
            } else {
                rest_.remove_prefix(1);
            }
        }
        return !rest_.empty();
    }

    bool text() { return characters("<"); }

    bool element() {
        if (!take("<")) {
            return false;
        }
        const auto called = name();
        seen_.push_back(called);
        while (take(" ")) {
            if (name().empty() || !take("=\"") || !characters("\"") || !take("\"")) {
                return false;
            }
        }
        if (take("/>")) {
            return !called.empty();
        }
        open_.push_back(called);
        return !called.empty() && take(">");
    }

    bool end() {
        if (!take("</") || name() != open_.back()) {
            return false;
        }
        open_.pop_back();
        return take(">");
    }

    std::string_view rest_;
    std::vector<std::string_view> open_;
    std::vector<std::string_view> seen_;
};

void require_junit(const audit::report& from) {
    const auto written = audit::write_junit(from, audit::severity::medium);
    require(is_legible_but_for_lines(written), "XML is UTF-8 without control characters");
    xml_reader read(written);
    require(read.is_well_formed(), "XML is well-formed");
    require(read.count("testcase") ==
                from.steps.size() + from.findings.size() + from.unfinished.size(),
            "XML has all there is");
    const auto failing =
        std::count_if(from.findings.begin(), from.findings.end(),
                      [](const auto& one) { return audit::fails(one, audit::severity::medium); });
    require(read.count("failure") == static_cast<std::size_t>(failing),
            "what fails the check is a failure, and nothing else");
}

std::string without_colours(std::string text) {
    for (auto at = text.find("\x1b["); at != std::string::npos; at = text.find("\x1b[", at)) {
        text.erase(at, text.find('m', at) - at + 1);
    }
    return text;
}

void require_text(const audit::report& from) {
    const auto written = audit::write_text(from, false);
    require(is_legible_but_for_lines(written), "a report moves no cursor");
    require(without_colours(audit::write_text(from, true)) == written,
            "nothing but the program's own colours is added");
    const auto lines = std::count(written.begin(), written.end(), '\n');
    const auto due =
        5 * from.findings.size() + from.unfinished.size() + (from.unfinished.empty() ? 0 : 1) + 1;
    require(static_cast<std::size_t>(lines) == due, "no text makes a line of its own");
}

// --- Log lines -----------------------------------------------------------------------------------

core::event next_event(input& from) {
    const auto kind = from.octet();
    core::client_facts client{core::connection_id{kind}, next_text(from), next_text(from),
                              next_text(from),           next_text(from), next_text(from)};
    core::node_facts node{next_text(from), next_text(from)};
    namespace events = core::events;
    switch (kind % 8) {
    case 0:
        return events::client_refused{client, "08P01", next_text(from), next_text(from), kind > 99};
    case 1:
        return events::session_ended{client, node, next_text(from), next_text(from), kind};
    case 2:
        return events::dial_failed{client, node, "tls", next_text(from), next_text(from)};
    case 3:
        return events::dns_answer_refused{node.node, node.address, next_text(from), next_text(from),
                                          next_text(from)};
    case 4:
        return events::reload_failed{"SIGHUP", next_text(from)};
    case 5:
        return events::address_not_proved{node, "down", "tls", next_text(from), next_text(from)};
    case 6:
        return events::local_certificate_made{client.listener, next_text(from)};
    default:
        return events::names_changed{node.node, next_text(from), next_text(from), kind > 99};
    }
}

/// The fields of a text line behind its first four words, each taken for text.
std::optional<std::vector<std::pair<std::string, std::string>>> fields_of(std::string_view line) {
    for (int words = 0; words < 4; ++words) {
        line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
    }
    std::vector<std::pair<std::string, std::string>> fields;
    while (!line.empty()) {
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) {
            return std::nullopt;
        }
        auto& [name, value] = fields.emplace_back(line.substr(0, equals), "");
        line.remove_prefix(equals + 1);
        if (line.starts_with('"')) {
            for (line.remove_prefix(1); !line.empty() && line.front() != '"';) {
                const std::size_t size = line.front() == '\\' ? 2 : 1;
                value += line.starts_with("\\\"") ? "\"" : std::string(line.substr(0, size));
                line.remove_prefix(std::min(size, line.size()));
            }
            if (line.empty()) {
                return std::nullopt;
            }
            line.remove_prefix(1);
        } else {
            const auto size = std::min(line.find(' '), line.size());
            value = line.substr(0, size);
            line.remove_prefix(size);
        }
        if (!line.empty() && line.front() != ' ') {
            return std::nullopt;
        }
        line.remove_prefix(line.empty() ? 0 : 1);
    }
    return fields;
}

void require_log_line(const core::event& what) {
    const auto line = telemetry::describe(what);
    const auto as_text = to_text({}, core::event_id{1}, line);
    require(is_legible(as_text), "a log line is one line, and moves no cursor");
    // A line without fields would have no blank behind its id.
    const auto fields = fields_of(as_text + (line.fields.empty() ? " " : ""));
    require(fields && fields->size() == line.fields.size(), "a log line can be taken apart");
    const auto as_json = to_json({}, core::event_id{1}, line);
    require(is_legible(as_json), "a log line is one line, and moves no cursor");
    const auto object = parsed(as_json, "a log line of JSON is JSON");
    for (std::size_t index = 0; index < line.fields.size(); ++index) {
        const auto& [name, value] = line.fields[index];
        require((*fields)[index].first == name, "no field can be forged");
        if (const auto* text = std::get_if<std::string>(&value)) {
            require((*fields)[index].second == *text, "a field says what was put in");
            require(text_of(object.at({name.data(), name.size()})) == *text,
                    "a field says what was put in");
        }
    }
}

/// One form a run. SARIF brings the whole catalogue along and takes long: every sixteenth.
void require_form(std::uint8_t form, const audit::report& report) {
    if (form % 16 == 0) {
        require_sarif(report);
    } else if (form % 3 == 0) {
        require_json(report);
    } else if (form % 3 == 1) {
        require_junit(report);
    } else {
        require_text(report);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input from(data, size);
    const auto form = from.octet();
    require_form(form, next_report(from));
    require_log_line(next_event(from));
    return 0;
}
