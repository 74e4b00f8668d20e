#include "telemetry/log_format.hpp"
#include "telemetry/page/chart.hpp"
#include "telemetry/page/parts.hpp"
#include "telemetry/page/pieces.hpp"
#include "telemetry/words.hpp"

#include <algorithm>

namespace roachpin::telemetry::page {
namespace {

html verdict(const server_answer& said) {
    if (said.clean) {
        return tag(tone::good, "believed");
    }
    return tag(tone::warning, (said.refused ? "refused: " : "no answer: ") + said.reason);
}

html row(const server_answer& said) {
    html cells = cell("Last answer", verdict(said));
    cells += cell("Why", said.sentence);
    cells += cell("Finding", said.finding);
    return markup(R"(<tr><th scope="row">{}</th>{}</tr>)"
                  "\n",
                  said.server, cells);
}

html notes_of(const name_report& name, wall_time now) {
    html items;
    if (name.stale) {
        items += markup("<li>{}: no new session goes there</li>", tag(tone::bad, "stale"));
    }
    items += name.last_success
                 ? markup("<li>last believed {}</li>", distance_text(*name.last_success, now))
                 : markup("<li>{}</li>", "nothing believed yet");
    if (!name.dissent.empty()) {
        items += markup("<li>{} {}</li>", tag(tone::warning, "servers disagree:"), name.dissent);
    }
    if (name.waiting_for_agreement > 0) {
        items +=
            markup("<li>addresses that too few servers name: {}</li>", name.waiting_for_agreement);
    }
    for (const auto& address : name.outside_lock) {
        items += markup("<li>{} {}</li>", tag(tone::warning, "not in roachpin.lock:"), address);
    }
    return items;
}

html group(const name_report& name, wall_time now) {
    html rows;
    for (const auto& said : name.servers) {
        rows += row(said);
    }
    return markup(R"(<tbody><tr class="group"><th scope="rowgroup" colspan="4">{})"
                  R"(<ul class="note">{}</ul></th></tr>)"
                  "\n{}</tbody>\n",
                  name.asked, notes_of(name, now), rows);
}

struct as_text {
    std::string operator()(const std::string& value) const { return value; }

    std::string operator()(std::uint64_t value) const { return std::to_string(value); }

    std::string operator()(double value) const { return fmt::format("{}", value); }

    std::string operator()(bool value) const { return value ? "yes" : "no"; }
};

html row(const recent_event& one) {
    html fields;
    for (const auto& [name, value] : one.line.fields) {
        fields += markup(R"(<span class="field"><b>{}</b> {}</span> )", name,
                         std::visit(as_text{}, value));
    }
    html cells = cell("Level", tag(tone_of(one.line.level), to_string(one.line.level)));
    cells += cell("Event", markup("<code>{}</code>", one.line.name));
    cells += cell("What", fields);
    cells += cell("Id", markup("<code>{}</code>", one.id));
    return markup(R"(<tr><th scope="row">{}</th>{}</tr>)"
                  "\n",
                  moment(one.at), cells);
}

} // namespace

html names(const status& of) {
    html groups;
    for (const auto& node : of.nodes) {
        if (node.name) {
            groups += group(*node.name, of.now);
        }
    }
    if (groups.text().empty()) {
        return section("names", "Names",
                       markup("<p>{}</p>\n", "All addresses are pinned: no DNS server is asked."));
    }
    constexpr series answers{"DNS answers",        "believed",           "refused",
                             &totals::dns_answers, &totals::dns_refused, number_text};
    html content = table("What each DNS server last said of a node's name",
                         {"Server", "Last answer", "Why", "Finding"}, groups);
    content += markup("<div class=\"figures\">{}</div>\n", figure(answers, of.history));
    return section("names", "Names", content);
}

html listeners(const status& of) {
    html rows;
    for (const auto& one : of.listeners) {
        html cells = cell("Mode", one.mode);
        cells += cell("TLS to clients", one.tls);
        cells += count_cell("Connections", one.connections);
        cells += count_cell("At most", one.max_connections);
        rows += markup(R"(<tr><th scope="row">{}</th>{}</tr>)"
                       "\n",
                       one.address, cells);
    }
    return section("connections", "Listeners",
                   table("Where applications connect",
                         {"Address", "Mode", "TLS to clients", "Connections", "At most"},
                         markup("<tbody>{}</tbody>\n", rows)));
}

html events(const status& of) {
    if (of.events.empty()) {
        return section("events", "Events", markup("<p>{}</p>\n", "None worth telling yet."));
    }
    html rows;
    for (const auto& one : of.events) {
        rows += row(one);
    }
    return section("events", "Events",
                   table("The newest first, without those of sessions that went well",
                         {"When", "Level", "Event", "What", "Id"},
                         markup("<tbody>{}</tbody>\n", rows)));
}

} // namespace roachpin::telemetry::page
