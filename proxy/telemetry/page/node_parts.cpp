#include "telemetry/page/parts.hpp"
#include "telemetry/page/pieces.hpp"
#include "telemetry/words.hpp"

#include <algorithm>

namespace roachpin::telemetry::page {
namespace {

tone tone_of(const place_report& place) {
    if (place.state == "ready") {
        return tone::good;
    }
    if (place.state == "hostile") {
        return tone::bad;
    }
    return place.state == "unknown" ? tone::plain : tone::warning;
}

/// The worst of its places; a node without any is not well.
tone tone_of(const node_report& node) {
    auto worst = node.places.empty() ? tone::warning : tone::good;
    for (const auto& place : node.places) {
        worst = std::max(worst, tone_of(place));
    }
    return worst;
}

/// Otherwise in the order of the configuration: rows stay where they are while nothing happens.
template <class Item>
std::vector<const Item*> worst_first(const std::vector<Item>& items) {
    std::vector<const Item*> sorted;
    sorted.reserve(items.size());
    for (const auto& one : items) {
        sorted.push_back(&one);
    }
    std::ranges::stable_sort(sorted, std::ranges::greater{},
                             [](const Item* one) { return tone_of(*one); });
    return sorted;
}

html state_of(const place_report& place) {
    return markup(R"({}<span class="note">{}</span>)", tag(tone_of(place), place.state),
                  place.usable ? "takes sessions" : "gets no sessions");
}

html why(const place_report& place, wall_time now) {
    if (place.state != "ready") {
        return markup("{}", place.why.empty() ? place.reason : place.why);
    }
    return place.proof ? markup("proved itself {}", distance_text(place.proof->at, now)) : html{};
}

html entry(std::string_view name, const html& value) {
    return markup("<dt>{}</dt><dd>{}</dd>", name, value);
}

html proof(const std::optional<proof_status>& shown, const std::string& id, wall_time now) {
    if (!shown) {
        return markup("{}", "none seen");
    }
    html list = entry("Subject", markup("{}", shown->subject));
    list += entry("Issuer", markup("{}", shown->issuer));
    list += entry("Ends", moment(shown->not_after));
    list += entry("Key", markup("<code>{}</code>", shown->leaf_spki));
    list += entry("Proved", markup("{} by {}", moment(shown->at), shown->tls_version));
    return markup(R"(<details id="{}"><summary>{} {}</summary><dl>{}</dl></details>)", id,
                  shown->not_after > now ? "ends" : "ended", distance_text(shown->not_after, now),
                  list);
}

html row(const place_report& place, const std::string& node_id, wall_time now) {
    const auto id = id_of(node_id + "-", place.address);
    html cells = cell("State", state_of(place));
    cells += cell("Why", why(place, now));
    cells += cell("Allowed by", place.allowed_by);
    cells += count_cell("Connections", place.connections);
    cells += count_cell("Spares", place.spares);
    cells += cell("Certificate", proof(place.proof, "proof-" + id, now));
    return markup(R"(<tr id="{}"><th scope="row">{}</th>{}</tr>)"
                  "\n",
                  id, place.address, cells);
}

html group(const node_report& node, const std::string& id, wall_time now) {
    html rules;
    for (const auto& rule : node.rules) {
        rules += markup("<li>{}</li>", rule);
    }
    html rows;
    for (const auto* place : worst_first(node.places)) {
        rows += row(*place, id, now);
    }
    if (node.places.empty()) {
        rows = markup("<tr><td colspan=\"7\">{} no address yet</td></tr>\n",
                      tag(tone::warning, "unknown:"));
    }
    return markup(R"(<tbody id="{}"><tr class="group"><th scope="rowgroup" colspan="7">{})"
                  R"(<ul class="note"><li>tier {}</li>{}<li>{} to it, {} from it</li></ul>)"
                  "</th></tr>\n{}</tbody>\n",
                  id, node.host, node.tier, rules,
                  bytes_text(static_cast<double>(node.bytes_to_node)),
                  bytes_text(static_cast<double>(node.bytes_to_client)), rows);
}

struct dated {
    std::string whose;
    std::string subject;
    wall_time not_after;
};

std::vector<dated> by_end(const status& of) {
    std::vector<dated> all;
    for (const auto& node : of.nodes) {
        for (const auto& place : node.places) {
            if (place.proof) {
                all.push_back({node.host + " at " + place.address, place.proof->subject,
                               place.proof->not_after});
            }
        }
    }
    for (const auto& one : of.certificates) {
        all.push_back({one.what, one.subject, one.not_after});
    }
    std::ranges::stable_sort(all, {}, &dated::not_after);
    return all;
}

html left(wall_time not_after, wall_time now) {
    const auto how = not_after <= now                  ? tone::bad
                     : not_after - now <= expires_soon ? tone::warning
                                                       : tone::good;
    return tag(how, distance_text(not_after, now));
}

} // namespace

html nodes(const status& of) {
    html groups;
    for (const auto* node : worst_first(of.nodes)) {
        groups += group(*node, "node-" + std::to_string(node - of.nodes.data()), of.now);
    }
    return section(
        "nodes", "Nodes",
        table("Every address that sessions may be given to, the worst first",
              {"Address", "State", "Why", "Allowed by", "Connections", "Spares", "Certificate"},
              groups));
}

html certificates(const status& of) {
    html rows;
    for (const auto& one : by_end(of)) {
        html cells = cell("Subject", one.subject);
        cells += cell("Ends", moment(one.not_after));
        cells += cell("Left", left(one.not_after, of.now));
        rows += markup(R"(<tr><th scope="row">{}</th>{}</tr>)"
                       "\n",
                       one.whose, cells);
    }
    return section("certificates", "Certificates",
                   table("The nodes', those that are trusted and roachpin's own, the next to end "
                         "first",
                         {"Whose", "Subject", "Ends", "Left"},
                         markup("<tbody>{}</tbody>\n", rows)));
}

} // namespace roachpin::telemetry::page
