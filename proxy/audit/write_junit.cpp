#include "audit/catalogue.hpp"
#include "audit/legible.hpp"
#include "audit/verdict.hpp"
#include "audit/write_report.hpp"

#include <algorithm>
#include <vector>

namespace roachpin::audit {
namespace {

/// XML 1.0 section 2.4, of what is legible: nothing else needs a word.
std::string escaped(std::string_view text) {
    std::string safe;
    for (const char octet : text) {
        switch (octet) {
        case '&':
            safe += "&amp;";
            break;
        case '<':
            safe += "&lt;";
            break;
        case '>':
            safe += "&gt;";
            break;
        case '"':
            safe += "&quot;";
            break;
        default:
            safe += octet;
        }
    }
    return safe;
}

std::string attribute(std::string_view name, std::string_view value) {
    return " " + std::string(name) + "=\"" + escaped(value) + "\"";
}

class suite {
public:
    suite(std::string name, severity threshold) : name_(std::move(name)), threshold_(threshold) {}

    void add(const looked_at& one) {
        const auto name = one.subject.empty() ? one.stage : one.stage + " " + one.subject;
        if (one.skipped) {
            ++skipped_;
            add_case(name, "<skipped" + attribute("message", one.outcome) + "/>");
        } else {
            // What is amiss is a case of its own, with its finding's id: counted once.
            add_case(name, "<system-out>" + escaped(one.outcome) + "</system-out>");
        }
    }

    void add(const finding& one) {
        const auto name = std::string(one.id) + (one.subject.empty() ? "" : " " + one.subject);
        if (!counts(one)) {
            ++skipped_;
            add_case(name,
                     "<skipped" +
                         attribute("message", one.suppressed ? "suppressed: " + *one.suppressed
                                                             : "in the baseline") +
                         "/>");
            return;
        }
        if (!fails(one, threshold_)) {
            add_case(name, "<system-out>" +
                               escaped(std::string(to_string(one.level)) + ": " + one.evidence) +
                               "</system-out>");
            return;
        }
        ++failures_;
        add_case(name, "<failure" + attribute("type", to_string(one.level)) +
                           attribute("message", one.evidence) + ">" +
                           escaped(find(one.id)->remediation) + "</failure>");
    }

    std::string to_xml() const {
        return "  <testsuite" + attribute("name", name_) +
               attribute("tests", std::to_string(tests_)) +
               attribute("failures", std::to_string(failures_)) +
               attribute("skipped", std::to_string(skipped_)) + attribute("errors", "0") + ">\n" +
               cases_ + "  </testsuite>\n";
    }

private:
    void add_case(const std::string& name, const std::string& inside) {
        ++tests_;
        cases_ += "    <testcase" + attribute("classname", name_) + attribute("name", name) + ">" +
                  inside + "</testcase>\n";
    }

    std::string name_;
    severity threshold_;
    std::size_t tests_ = 0;
    std::size_t failures_ = 0;
    std::size_t skipped_ = 0;
    std::string cases_;
};

std::vector<std::string> hosts_of(const report& from) {
    std::vector<std::string> hosts{""};
    const auto note = [&](const std::string& host) {
        if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) {
            hosts.push_back(host);
        }
    };
    for (const auto& one : from.steps) {
        note(one.host);
    }
    for (const auto& one : from.findings) {
        note(one.host);
    }
    return hosts;
}

std::string to_xml(const std::string& host, const report& from, severity threshold) {
    suite made(host.empty() ? "configuration" : host, threshold);
    for (const auto& one : from.steps) {
        if (one.host == host) {
            made.add(one);
        }
    }
    for (const auto& one : from.findings) {
        if (one.host == host) {
            made.add(one);
        }
    }
    return made.to_xml();
}

/// What could not be looked at is an error, which no CI system takes for a pass.
std::string to_xml(const std::vector<std::string>& unfinished) {
    if (unfinished.empty()) {
        return "";
    }
    const auto number = std::to_string(unfinished.size());
    std::string text = "  <testsuite" + attribute("name", "not looked at") +
                       attribute("tests", number) + attribute("failures", "0") +
                       attribute("skipped", "0") + attribute("errors", number) + ">\n";
    for (const auto& one : unfinished) {
        text += "    <testcase" + attribute("classname", "not looked at") + attribute("name", one) +
                "><error" + attribute("message", one) + "/></testcase>\n";
    }
    return text + "  </testsuite>\n";
}

} // namespace

std::string write_junit(const report& found, severity threshold) {
    const auto from = legible(found);
    std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" +
                       attribute("name", "roachpin check " + from.file) + ">\n";
    for (const auto& host : hosts_of(from)) {
        text += to_xml(host, from, threshold);
    }
    return text + to_xml(from.unfinished) + "</testsuites>\n";
}

} // namespace roachpin::audit
