#include "audit/catalogue.hpp"
#include "audit/legible.hpp"
#include "audit/verdict.hpp"
#include "audit/write_report.hpp"

#include <algorithm>
#include <array>

namespace roachpin::audit {
namespace {

/// Terminal colours; nothing where they are not wanted.
class painter {
public:
    explicit painter(bool colour) : colour_(colour) {}

    std::string paint(std::string_view text, std::string_view code) const {
        if (!colour_) {
            return std::string(text);
        }
        return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
    }

    std::string level(severity of) const { return paint(to_string(of), code_of(of)); }

private:
    static std::string_view code_of(severity of) {
        switch (of) {
        case severity::critical:
            return "1;31";
        case severity::high:
            return "31";
        case severity::medium:
            return "33";
        case severity::low:
        case severity::info:
            break;
        }
        return "36";
    }

    bool colour_;
};

std::string note_of(const finding& one) {
    if (one.suppressed) {
        return " (suppressed: " + *one.suppressed + ")";
    }
    return one.known ? " (in the baseline)" : "";
}

void add_finding(const finding& one, const std::string& file, const painter& in,
                 std::string& text) {
    text += in.level(one.level) + "  " + in.paint(one.id, "1");
    if (!one.host.empty()) {
        text += "  " + one.host;
    }
    if (!one.subject.empty()) {
        text += "  " + one.subject;
    }
    text += note_of(one) + "\n  " + file + ":" + std::to_string(one.line) + "\n";
    text += "  " + one.evidence + "\n";
    text.append("  → ").append(find(one.id)->remediation).append("\n\n");
}

std::string number(std::size_t count, std::string_view one, std::string_view many) {
    return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

std::string summary(const report& from) {
    constexpr std::array levels{severity::critical, severity::high, severity::medium, severity::low,
                                severity::info};
    const auto counted = std::count_if(from.findings.begin(), from.findings.end(), counts);
    std::string text = number(static_cast<std::size_t>(counted), "finding", "findings");
    std::string parts;
    for (const auto level : levels) {
        const auto some =
            std::count_if(from.findings.begin(), from.findings.end(),
                          [&](const auto& one) { return counts(one) && one.level == level; });
        if (some > 0) {
            parts += (parts.empty() ? ": " : ", ") + std::to_string(some) + " " +
                     std::string(to_string(level));
        }
    }
    text += parts;
    const auto others = from.findings.size() - static_cast<std::size_t>(counted);
    if (others > 0) {
        text += "; " + std::to_string(others) + " suppressed or in the baseline";
    }
    const auto skipped = std::count_if(from.steps.begin(), from.steps.end(),
                                       [](const auto& one) { return one.skipped; });
    text += "; " +
            number(from.steps.size() - static_cast<std::size_t>(skipped), "stage", "stages") +
            " looked at";
    if (skipped > 0) {
        text += ", " + std::to_string(skipped) + " skipped";
    }
    return text + "\n";
}

} // namespace

std::string write_text(const report& found, bool colour) {
    const auto from = legible(found);
    const painter in(colour);
    std::string text;
    for (const auto& one : from.findings) {
        add_finding(one, from.file, in, text);
    }
    for (const auto& one : from.unfinished) {
        text += in.paint("not looked at", "33") + "  " + one + "\n";
    }
    return text + (from.unfinished.empty() ? "" : "\n") + summary(from);
}

} // namespace roachpin::audit
