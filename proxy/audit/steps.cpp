#include "audit/steps.hpp"

#include "audit/catalogue.hpp"
#include "audit/rules.hpp"
#include "audit/wording.hpp"

#include <algorithm>

namespace roachpin::audit {
namespace {

using std::chrono::system_clock;

constexpr const char* offline_text = "--offline";
constexpr const char* pinned_text = "its addresses are in the configuration: its name is never "
                                    "asked for";

/// Of one node, stage after stage.
class node_steps {
public:
    node_steps(const observations& seen, std::size_t node, std::vector<looked_at>& into)
        : seen_(seen), node_(seen.configuration.cluster.nodes[node]), told_(seen.nodes[node]),
          into_(into) {}

    void tell() {
        if (seen_.offline) {
            skip_all();
            return;
        }
        if (told_.made) {
            tell_names();
        } else {
            for (const auto* stage : {stages::dns, stages::dnssec, stages::policy}) {
                skip(stage, "", pinned_text);
            }
        }
        if (told_.addresses.empty()) {
            for (const auto* stage : address_stages) {
                skip(stage, "", "no address may be dialled");
            }
        }
        for (const auto& one : told_.addresses) {
            tell_address(one);
        }
    }

private:
    static constexpr const char* address_stages[] = {stages::tcp, stages::sslrequest, stages::tls,
                                                     stages::startup, stages::health};

    void add(const char* stage, const std::string& subject, bool passed, std::string outcome) {
        into_.push_back({.stage = stage,
                         .host = node_.host.text(),
                         .subject = subject,
                         .passed = passed,
                         .outcome = std::move(outcome)});
    }

    void skip(const char* stage, const std::string& subject, const std::string& reason) {
        add(stage, subject, true, reason);
        into_.back().skipped = true;
    }

    void skip_all() {
        const bool is_pinned = std::holds_alternative<settings::pinned>(node_.found);
        for (const auto* stage : {stages::dns, stages::dnssec, stages::policy}) {
            skip(stage, "", is_pinned ? pinned_text : offline_text);
        }
        for (const auto* stage : address_stages) {
            skip(stage, "", offline_text);
        }
    }

    void tell_names() {
        for (const auto& one : told_.said) {
            const auto server = server_name(seen_, one.server);
            if (const auto* named = std::get_if<policy::named_answer>(&one.said)) {
                add(stages::dns, server, true, records_text(*named));
            } else {
                add(stages::dns, server, false, silence_of(one));
            }
            tell_dnssec(one, server);
            tell_policy(one, server);
        }
    }

    static std::string silence_of(const policy::observation& one) {
        const auto* silent = std::get_if<policy::silence>(&one.said);
        return silent != nullptr ? silent->sentence : std::get<policy::unusable>(one.said).sentence;
    }

    void tell_dnssec(const policy::observation& one, const std::string& server) {
        const auto* named = std::get_if<policy::named_answer>(&one.said);
        const auto* silent = std::get_if<policy::silence>(&one.said);
        if (silent != nullptr && silent->kind == policy::silence_kind::bogus) {
            add(stages::dnssec, server, false, silent->sentence);
        } else if (named != nullptr && named->proof == policy::authenticity::bogus) {
            add(stages::dnssec, server, false, "bogus: " + trouble_of(one.server));
        } else if (seen_.configuration.resolver.dnssec == policy::dnssec_mode::off) {
            skip(stages::dnssec, server, "resolver.dnssec is off");
        } else if (named == nullptr) {
            skip(stages::dnssec, server, "no records to authenticate");
        } else {
            const bool is_secure = named->proof == policy::authenticity::secure;
            add(stages::dnssec, server, is_secure,
                is_secure ? "authenticated" : "not authenticated");
        }
    }

    void tell_policy(const policy::observation& one, const std::string& server) {
        const auto sentence = trouble_of(one.server);
        if (!std::holds_alternative<policy::named_answer>(one.said) && !is_refused(one.server)) {
            skip(stages::policy, server, "no addresses to judge");
        } else if (sentence.empty()) {
            add(stages::policy, server, true, "accepted");
        } else {
            add(stages::policy, server, false, sentence);
        }
    }

    const policy::server_trouble* find_trouble(std::size_t server) const {
        const auto& trouble = told_.made->trouble;
        const auto found = std::find_if(trouble.begin(), trouble.end(),
                                        [&](const auto& one) { return one.server == server; });
        return found == trouble.end() ? nullptr : &*found;
    }

    std::string trouble_of(std::size_t server) const {
        const auto* found = find_trouble(server);
        return found == nullptr ? "" : found->sentence;
    }

    bool is_refused(std::size_t server) const {
        const auto* found = find_trouble(server);
        return found != nullptr && found->refused;
    }

    void tell_address(const address_observation& one) {
        const auto where = one.where.to_string();
        const auto reached = one.trouble ? static_cast<std::size_t>(one.trouble->phase) : 3;
        constexpr const char* passed[] = {"connected", "the node agrees to TLS", ""};
        for (std::size_t phase = 0; phase < std::size(passed); ++phase) {
            const auto* stage = address_stages[phase];
            if (phase < reached) {
                add(stage, where, true,
                    one.proof && phase == 2 ? proof_text(*one.proof) : passed[phase]);
            } else if (phase == reached) {
                add(stage, where, false, one.trouble->reason + ": " + one.trouble->sentence);
            } else {
                skip(stage, where, unreached);
            }
        }
        tell_readiness(stages::startup, where, one.startup, unreached);
        tell_readiness(stages::health, where, one.health,
                       seen_.configuration.health.http ? unreached : "health.http is not enabled");
    }

    static std::string proof_text(const proof& shown) {
        return shown.subject + ", issued by " + shown.issuer + ", " + shown.key_kind + " " +
               std::to_string(shown.key_bits) + ", " + shown.tls_version + ", until " +
               day_of(shown.ends);
    }

    void tell_readiness(const char* stage, const std::string& where,
                        const std::optional<readiness>& said, const char* otherwise) {
        if (said) {
            add(stage, where, said->ready, said->sentence);
        } else {
            skip(stage, where, otherwise);
        }
    }

    static constexpr const char* unreached = "an earlier stage failed";

    const observations& seen_;
    const settings::node& node_;
    const node_observation& told_;
    std::vector<looked_at>& into_;
};

/// That it keeps the rules of its format was seen before anything else.
void tell_configuration(const observations& seen, std::vector<looked_at>& into) {
    std::vector<std::string> hosts{""};
    for (const auto& node : seen.configuration.cluster.nodes) {
        if (std::find(hosts.begin(), hosts.end(), node.host.text()) == hosts.end()) {
            hosts.push_back(node.host.text());
        }
    }
    for (const auto& host : hosts) {
        into.push_back({.stage = stages::configuration,
                        .host = host,
                        .outcome = "it, and what it names, can be read"});
    }
}

/// The step that a finding belongs to; a new one, beside those of its stage, where it is about
/// something that had none.
void note_in_steps(const finding& one, std::vector<looked_at>& steps) {
    const auto& entry = *find(one.id);
    const auto is_beside = [&](const looked_at& step) {
        return step.stage == entry.stage && step.host == one.host;
    };
    const auto own = std::find_if(steps.begin(), steps.end(), [&](const looked_at& step) {
        return is_beside(step) && step.subject == one.subject;
    });
    if (own != steps.end()) {
        own->passed = false;
        own->skipped = false;
        return;
    }
    const auto beside = std::find_if(steps.rbegin(), steps.rend(), is_beside);
    steps.insert(beside == steps.rend() ? steps.end() : beside.base(),
                 looked_at{.stage = std::string(entry.stage),
                           .host = one.host,
                           .subject = one.subject,
                           .passed = false,
                           .outcome = std::string(entry.title)});
}

} // namespace

std::vector<looked_at> steps_of(const observations& seen) {
    std::vector<looked_at> steps;
    tell_configuration(seen, steps);
    for (std::size_t node = 0; node < seen.nodes.size(); ++node) {
        node_steps(seen, node, steps).tell();
    }
    return steps;
}

report make_report(const observations& seen, system_clock::time_point now) {
    report made{seen.file, steps_of(seen), judge(seen, now), unfinished(seen)};
    for (const auto& one : made.findings) {
        note_in_steps(one, made.steps);
        if (find(one.id)->could_not_look) {
            made.unfinished.push_back(one.host + ": " + one.subject +
                                      " could not be asked: " + one.evidence);
        }
    }
    sort_findings(made);
    return made;
}

} // namespace roachpin::audit
