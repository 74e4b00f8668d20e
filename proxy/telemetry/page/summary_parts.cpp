#include "telemetry/page/chart.hpp"
#include "telemetry/page/parts.hpp"
#include "telemetry/page/pieces.hpp"
#include "telemetry/words.hpp"

#include <algorithm>

namespace roachpin::telemetry::page {
namespace {

/// More than these are found in the tables; the worst are among the first.
constexpr std::size_t most_concerns = 10;

html item(const concern& one) {
    const auto how = tone_of(one.level);
    html detail;
    if (!one.detail.empty()) {
        detail = markup(R"(<p class="detail">{}</p>)", one.detail);
    }
    return markup(R"(<li>{} <a href="#{}">{}</a>{}</li>)"
                  "\n",
                  tag(how, to_string(one.level)), to_string(one.about), one.sentence, detail);
}

html fact(std::string_view name, const html& value, const html& note = {}) {
    return markup(R"(<div><dt>{}</dt><dd>{}</dd><dd class="note">{}</dd></div>)"
                  "\n",
                  name, value, note);
}

html rate(const std::optional<rates>& now, double rates::*which) {
    return now ? markup("{}/s", number_text((*now).*which)) : html{};
}

html bytes_rate(const std::optional<rates>& now, double rates::*which) {
    return now ? markup("{}/s", bytes_text((*now).*which)) : html{};
}

html last_reload(const status& of) {
    const auto& last = of.last_reload;
    return markup(R"(<div id="configuration"><dt>Configuration</dt><dd>{}</dd>)"
                  R"(<dd class="note">{}, {}</dd></div>)"
                  "\n",
                  last.succeeded ? tag(tone::good, "in force") : tag(tone::warning, "not in force"),
                  last.why, moment(last.at));
}

} // namespace

html headline(const summary& all) {
    const auto how = all.level == severity::info ? tone::good : tone_of(all.level);
    return markup(R"(<div id="headline" class="{}" aria-live="polite" aria-atomic="true">)"
                  R"(<h1><i aria-hidden="true">{}</i> <span>{}</span></h1></div>)"
                  "\n",
                  to_string(how), sign(how), all.headline);
}

html concerns(const summary& all) {
    const auto shown = std::min(all.concerns.size(), most_concerns);
    html items;
    for (std::size_t i = 0; i < shown; ++i) {
        items += item(all.concerns[i]);
    }
    if (shown < all.concerns.size()) {
        items += markup("<li>and {} more, in the tables below</li>\n", all.concerns.size() - shown);
    }
    return shown == 0 ? html{}
                      : markup("<ul id=\"concerns\" aria-label=\"What needs attention\">\n"
                               "{}</ul>\n",
                               items);
}

html facts(const status& of) {
    const auto now = latest_rates(of);
    const auto& all = of.since_start;
    html list =
        fact("Connections", markup("{}", of.connections), markup("of {}", of.max_connections));
    list += fact("Sessions opened", markup("{}", all.sessions), rate(now, &rates::sessions));
    list += fact("Clients refused", markup("{}", all.refused), rate(now, &rates::refused));
    list += fact("To nodes", markup("{}", bytes_text(static_cast<double>(all.bytes_to_node))),
                 bytes_rate(now, &rates::bytes_to_node));
    list += fact("To clients", markup("{}", bytes_text(static_cast<double>(all.bytes_to_client))),
                 bytes_rate(now, &rates::bytes_to_client));
    list +=
        fact("Hostile dials", markup("{}", all.hostile_dials), rate(now, &rates::hostile_dials));
    list += fact(
        "Running for",
        markup("{}", span_text(std::chrono::floor<std::chrono::seconds>(of.now - of.started_at))),
        markup("since {}", moment(of.started_at)));
    list += last_reload(of);
    constexpr series sessions{"Sessions",        "opened",         "refused",
                              &totals::sessions, &totals::refused, number_text};
    constexpr series bytes{
        "Bytes",   "to clients", "to nodes", &totals::bytes_to_client, &totals::bytes_to_node,
        bytes_text};
    return markup(
        "<section id=\"facts\" aria-label=\"In numbers\">\n<dl class=\"facts\">\n{}</dl>\n"
        "<div class=\"figures\">{}{}</div>\n</section>\n",
        list, figure(sessions, of.history), figure(bytes, of.history));
}

} // namespace roachpin::telemetry::page
