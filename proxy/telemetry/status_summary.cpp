#include "telemetry/status_summary.hpp"

#include "telemetry/words.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace roachpin::telemetry {
namespace {

struct deed {
    std::string_view reason;
    std::string_view sentence;
};

/// What a hostile place did, for the labels of tls::peer_fault and of the SSLRequest's answer.
constexpr deed deeds[] = {
    {"tls_declined", "has no TLS"},
    {"not_postgres", "is no PostgreSQL server"},
    {"not_tls", "does not speak TLS"},
    {"tls_version", "speaks a version of TLS that is too old"},
    {"untrusted_chain", "showed a certificate of another CA"},
    {"weak", "showed a certificate with a weak key or digest"},
    {"expired", "showed an expired certificate"},
    {"not_yet_valid", "showed a certificate that is not valid yet"},
    {"wrong_purpose", "showed a certificate that is not for servers"},
    {"leaf_is_ca", "showed the certificate of an authority as its own"},
    {"wrong_name", "showed a certificate of another name"},
    {"revoked", "showed a revoked certificate"},
    {"pin_mismatch", "showed a key that is not pinned"},
    {"pin_revoked", "showed a key that was revoked"},
    {"issuer_changed", "showed a certificate of an issuer that is not in roachpin.lock"},
};

std::string deed_of(const std::string& reason) {
    const auto* found = std::ranges::find(deeds, reason, &deed::reason);
    if (found != std::end(deeds)) {
        return std::string(found->sentence);
    }
    return "did not prove itself" + (reason.empty() ? "" : " (" + reason + ")");
}

std::string where(const node_report& node, const place_report& place) {
    return node.host + " at " + place.address;
}

std::optional<concern> concern_of(const node_report& node, const place_report& place) {
    const auto about = where(node, place);
    if (place.state == "hostile") {
        return concern{severity::error, subject::nodes, about + " " + deed_of(place.reason),
                       place.why};
    }
    if (place.state == "not_ready") {
        return concern{severity::warning, subject::nodes, about + " takes no sessions", place.why};
    }
    if (place.state == "down" || place.state == "failing") {
        return concern{severity::warning, subject::nodes, about + " is " + place.state, place.why};
    }
    return std::nullopt;
}

std::optional<concern> expiry(const std::string& whose, wall_time not_after, wall_time now) {
    if (not_after - now > expires_soon) {
        return std::nullopt;
    }
    const bool past = not_after <= now;
    return concern{past ? severity::error : severity::warning,
                   subject::certificates,
                   "The certificate of " + whose + (past ? " expired " : " expires ") +
                       distance_text(not_after, now),
                   {}};
}

std::string trouble_of(const server_answer& said, const std::string& name) {
    return !said.refused
               ? "DNS server " + said.server + " gives no answer for " + name + ": " + said.reason
               : "DNS server " + said.server + " is not believed on " + name + ": " + said.reason;
}

std::string in_parentheses(const std::string& text) {
    return text.empty() ? "" : " (" + text + ")";
}

class collector {
public:
    explicit collector(const status& of) : of_(of) {
        for (const auto& node : of.nodes) {
            look_at(node);
        }
        for (const auto& one : of.certificates) {
            add(expiry(one.what + in_parentheses(one.subject), one.not_after, of.now));
        }
        look_at_limits();
        if (!of.last_reload.succeeded) {
            add(severity::warning, subject::configuration,
                "The configuration that was read last is not in force" +
                    in_parentheses(of.last_reload.why),
                of.last_reload.reason);
        }
        std::ranges::stable_sort(found_, std::ranges::greater{}, &concern::level);
    }

    std::vector<concern> found() && { return std::move(found_); }

private:
    void look_at(const node_report& node) {
        for (const auto& place : node.places) {
            add(concern_of(node, place));
            if (place.proof) {
                add(expiry(where(node, place), place.proof->not_after, of_.now));
            }
        }
        if (node.name) {
            look_at(*node.name);
        }
    }

    void look_at(const name_report& name) {
        if (name.stale) {
            add(severity::error, subject::names,
                "No new session goes to " + name.asked +
                    ": no DNS server has given a clean answer for too long",
                {});
        }
        for (const auto& said : name.servers) {
            if (!said.clean) {
                add(severity::warning, subject::names, trouble_of(said, name.asked),
                    said.sentence + in_parentheses(said.finding));
            }
        }
        if (!name.dissent.empty()) {
            add(severity::warning, subject::names, "DNS servers disagree on " + name.asked,
                name.dissent);
        }
        if (!name.outside_lock.empty()) {
            add(severity::warning, subject::names,
                name.asked + " has addresses that are not in roachpin.lock",
                joined(name.outside_lock));
        }
        if (name.waiting_for_agreement > 0) {
            add(severity::info, subject::names,
                "Too few DNS servers name " + std::to_string(name.waiting_for_agreement) +
                    " of the addresses of " + name.asked,
                {});
        }
    }

    void look_at_limits() {
        if (of_.max_connections > 0 && of_.connections >= of_.max_connections) {
            add(severity::warning, subject::connections,
                "All " + counted(of_.max_connections, "connection") + " are taken", {});
        }
        for (const auto& one : of_.listeners) {
            if (one.max_connections > 0 && one.connections >= one.max_connections) {
                add(severity::warning, subject::connections,
                    "All " + counted(one.max_connections, "connection") + " of " + one.address +
                        " are taken",
                    {});
            }
        }
    }

    static std::string joined(const std::vector<std::string>& texts) {
        std::string all;
        for (const auto& one : texts) {
            all += (all.empty() ? "" : ", ") + one;
        }
        return all;
    }

    void add(std::optional<concern> one) {
        if (one) {
            found_.push_back(std::move(*one));
        }
    }

    void add(severity level, subject about, std::string sentence, std::string detail) {
        found_.push_back({level, about, std::move(sentence), std::move(detail)});
    }

    const status& of_;
    std::vector<concern> found_;
};

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

/// All hostile places come before what is no place's: an error about nodes is one of them.
std::string hostile_headline(const std::vector<concern>& concerns) {
    const auto is_hostile = [](const concern& one) {
        return one.level == severity::error && one.about == subject::nodes;
    };
    const auto count = std::ranges::count_if(concerns, is_hostile);
    if (count == 0) {
        return {};
    }
    const auto first = std::ranges::find_if(concerns, is_hostile);
    return "HOSTILE: " + first->sentence +
           (count > 1 ? ", and " + std::to_string(count - 1) + " more" : "");
}

std::string ready_headline(const status& of, std::size_t concerns) {
    std::size_t places = 0;
    std::size_t proved = 0;
    for (const auto& node : of.nodes) {
        places += node.places.size();
        proved += static_cast<std::size_t>(
            std::ranges::count_if(node.places, [](const place_report& place) {
                return place.state == "ready" || place.state == "not_ready";
            }));
    }
    auto text = "Ready: " + std::to_string(proved) + " of " + std::to_string(places) +
                (places == 1 ? " address proves itself" : " addresses prove themselves");
    if (concerns > 0) {
        text +=
            concerns == 1 ? "; 1 thing needs" : "; " + std::to_string(concerns) + " things need";
        text += " attention";
    }
    return text;
}

} // namespace

std::string_view to_string(subject about) {
    switch (about) {
    case subject::nodes:
        return "nodes";
    case subject::names:
        return "names";
    case subject::certificates:
        return "certificates";
    case subject::configuration:
        return "configuration";
    case subject::connections:
        break;
    }
    return "connections";
}

summary summarise(const status& of) {
    summary made{.concerns = collector(of).found()};
    if (!made.concerns.empty()) {
        made.level = made.concerns.front().level;
    }
    made.headline = hostile_headline(made.concerns);
    if (!made.headline.empty()) {
        return made;
    }
    if (of.draining) {
        made.level = std::max(made.level, severity::warning);
        made.headline = "Draining: " + counted(of.connections, "connection") + " left";
    } else if (!of.ready) {
        made.level = severity::error;
        made.headline =
            "Not ready" + (of.not_ready_because.empty() ? std::string()
                                                        : ": " + first_line(of.not_ready_because));
    } else {
        made.headline = ready_headline(of, made.concerns.size());
    }
    return made;
}

std::optional<rates> latest_rates(const status& of) {
    if (of.history.size() < 2) {
        return std::nullopt;
    }
    const auto& before = of.history[of.history.size() - 2];
    const auto& after = of.history.back();
    const std::chrono::duration<double> span = after.at - before.at;
    if (span.count() <= 0) {
        return std::nullopt;
    }
    const auto rate = [&](std::uint64_t totals::*counter) {
        return static_cast<double>(gained(before.until.*counter, after.until.*counter)) /
               span.count();
    };
    return rates{rate(&totals::sessions),      rate(&totals::refused),
                 rate(&totals::bytes_to_node), rate(&totals::bytes_to_client),
                 rate(&totals::dns_answers),   rate(&totals::dns_refused),
                 rate(&totals::hostile_dials)};
}

} // namespace roachpin::telemetry
