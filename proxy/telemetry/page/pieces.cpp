#include "telemetry/page/pieces.hpp"

#include "telemetry/log_format.hpp"
#include "telemetry/words.hpp"

namespace roachpin::telemetry::page {

tone tone_of(severity level) {
    switch (level) {
    case severity::none:
    case severity::debug:
    case severity::info:
        return tone::plain;
    case severity::warning:
        return tone::warning;
    case severity::error:
        break;
    }
    return tone::bad;
}

std::string_view to_string(tone how) {
    switch (how) {
    case tone::good:
        return "good";
    case tone::plain:
        return "plain";
    case tone::warning:
        return "warning";
    case tone::bad:
        break;
    }
    return "bad";
}

std::string_view sign(tone how) {
    switch (how) {
    case tone::good:
        return "✓";
    case tone::plain:
        return "○";
    case tone::warning:
        return "▲";
    case tone::bad:
        break;
    }
    return "✕";
}

html tag(tone how, std::string_view word) {
    return markup(R"(<span class="tag {}"><i aria-hidden="true">{}</i> {}</span>)", to_string(how),
                  sign(how), word);
}

html moment(wall_time when) {
    return markup(R"(<time datetime="{}">{}</time>)", timestamp(when), clock_text(when));
}

html cell(std::string_view label, const html& content) {
    return markup(R"(<td data-label="{}">{}</td>)", label, content);
}

html cell(std::string_view label, std::string_view text) {
    return cell(label, markup("{}", text));
}

html count_cell(std::string_view label, std::uint64_t count) {
    return markup(R"(<td class="count" data-label="{}">{}</td>)", label, count);
}

html table(std::string_view caption, const std::vector<std::string_view>& columns,
           const html& bodies) {
    html head;
    for (const auto column : columns) {
        head += markup(R"(<th scope="col">{}</th>)", column);
    }
    return markup("<table>\n<caption>{}</caption>\n<thead><tr>{}</tr></thead>\n{}</table>\n",
                  caption, head, bodies);
}

html section(std::string_view id, std::string_view title, const html& content) {
    return markup("<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n"
                  "<h2 id=\"{0}-title\">{1}</h2>\n{2}</section>\n",
                  id, title, content);
}

std::string id_of(std::string_view prefix, std::string_view text) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    std::string made(prefix);
    for (const char c : text) {
        made += plain.find(c) != std::string_view::npos
                    ? std::string(1, c)
                    : fmt::format("_{:02x}", static_cast<unsigned char>(c));
    }
    return made;
}

} // namespace roachpin::telemetry::page
