#include "app/resolve_report.hpp"

#include "core/printable.hpp"
#include "policy/listed.hpp"

#include <algorithm>

namespace roachpin::app {
namespace {

using policy::text_of;

std::string line(std::size_t depth, const std::string& text) {
    return std::string(depth * 4, ' ') + text + "\n";
}

std::string status_of(const dns::answer& answer) {
    switch (answer.status) {
    case dns::answer_status::found:
        return "found";
    case dns::answer_status::no_data:
        return "no data";
    case dns::answer_status::nx_domain:
        return "NXDOMAIN";
    case dns::answer_status::failed:
        break;
    }
    return dns::rcode_text(answer.rcode);
}

std::string proof_of(const net::validated& told) {
    switch (told.proof) {
    case policy::authenticity::secure:
        return "secure";
    case policy::authenticity::insecure:
        return "insecure";
    case policy::authenticity::bogus:
        return "bogus" +
               (told.why_bogus.empty() ? "" : " (" + core::printable(told.why_bogus) + ")");
    case policy::authenticity::unknown:
        break;
    }
    return told.answer.authenticated ? "AD set" : "AD not set";
}

std::string records_of(const dns::answer& answer) {
    std::string text;
    for (const auto& alias : answer.chain) {
        text += line(2, "alias " + text_of(alias));
    }
    for (const auto& address : answer.addresses) {
        text += line(2, address.to_string());
    }
    for (const auto& one : answer.services) {
        text += line(2, text_of(one.target) + " port " + std::to_string(one.port) + " priority " +
                            std::to_string(one.priority) + " weight " + std::to_string(one.weight));
    }
    if (answer.extended) {
        const auto& why = *answer.extended;
        text += line(2, "extended error " + std::to_string(why.code) +
                            (why.text.empty() ? "" : ": " + why.text));
    }
    return text;
}

/// "    A crdb.internal: found, ttl 30s, AD not set", and a line for each record.
std::string said_text(const std::string& question, const net::asked& told) {
    if (!told) {
        return line(1, question + ": no answer: " + told.error().sentence);
    }
    const auto& answer = told->answer;
    return line(1, question + ": " + status_of(answer) + ", ttl " + std::to_string(answer.ttl) +
                       "s, " + proof_of(*told)) +
           records_of(answer);
}

std::string said_text(const core::dns_name& name, const net::name_answers& told) {
    return said_text("A " + text_of(name), told.a) + said_text("AAAA " + text_of(name), told.aaaa);
}

std::string said_text(const name_question& asked, const net::inquiry& told) {
    if (!told.record) {
        return said_text(asked.name, told.names.front());
    }
    auto text = said_text("SRV " + text_of(*asked.srv), *told.record);
    for (std::size_t i = 0; i < told.names.size(); ++i) {
        text += said_text((*told.record)->answer.services[i].target, told.names[i]);
    }
    return text;
}

std::string verdict_of(const resolve_report& report, std::size_t server) {
    const auto& trouble = report.made.trouble;
    const auto found = std::find_if(trouble.begin(), trouble.end(),
                                    [&](const auto& one) { return one.server == server; });
    if (found == trouble.end()) {
        return report.asked.rules ? line(1, "accepted") : "";
    }
    return line(1, (found->refused ? "refused: " : "no addresses: ") + found->reason + " (" +
                       found->finding + "): " + found->sentence);
}

std::string dissent_of(const resolve_report& report) {
    std::string names;
    for (const auto server : report.made.dissent->dissenters) {
        names += (names.empty() ? "" : ", ") + report.servers[server];
    }
    return line(0, "disagreeing: " + names +
                       " (DNS-RESOLVER-DISAGREE): " + report.made.dissent->sentence);
}

std::string conclusion_of(const resolve_report& report) {
    if (!report.asked.rules) {
        return line(0, "no policy: " + report.asked.no_policy);
    }
    const auto& made = report.made;
    auto text = made.dissent ? dissent_of(report) : std::string();
    if (!made.outside_lock.empty()) {
        text +=
            line(0, "not in roachpin.lock (DNS-LOCK-DRIFT): " + policy::listed(made.outside_lock));
    }
    return text + line(0, "usable: " + policy::listed(made.usable));
}

/// Without rules all of that is judged which no rule is needed for: denials, silence, signatures.
void take_rules_out(policy::decision& made, const std::vector<policy::observation>& said) {
    std::erase_if(made.trouble, [&](const auto& trouble) {
        const auto* named = std::get_if<policy::named_answer>(&said[trouble.server].said);
        return named != nullptr && named->proof != policy::authenticity::bogus;
    });
    made.dissent.reset();
}

bool is_unreached(const policy::server_trouble& trouble) {
    return trouble.finding == "DNS-RESOLVER-UNREACHABLE";
}

} // namespace

resolve_report make_report(name_question asked, std::vector<std::string> servers,
                           std::vector<net::inquiry> told, core::time_point now) {
    std::vector<policy::observation> said;
    for (std::size_t server = 0; server < told.size(); ++server) {
        said.push_back(net::observe(server, told[server], asked.port));
    }
    auto made = policy::decide({}, said, asked.rules.value_or(policy::pin_rules{}), now);
    if (!asked.rules) {
        take_rules_out(made, said);
    }
    return {std::move(asked), std::move(servers), std::move(told), std::move(said),
            std::move(made)};
}

std::string to_text(const resolve_report& report) {
    const auto& asked = report.asked;
    const auto port = asked.port == 0 ? "" : ", port " + std::to_string(asked.port);
    auto text = line(0, text_of(asked.name) + (asked.srv ? "" : port));
    for (std::size_t server = 0; server < report.told.size(); ++server) {
        text += line(0, report.servers[server]) + said_text(asked, report.told[server]) +
                verdict_of(report, server);
    }
    return text + conclusion_of(report);
}

exit_code exit_code_of(const resolve_report& report) {
    const auto& trouble = report.made.trouble;
    const auto unreached = std::count_if(trouble.begin(), trouble.end(), is_unreached);
    if (static_cast<std::size_t>(unreached) == report.told.size()) {
        return could_not_finish;
    }
    return trouble.empty() && !report.made.dissent ? ok : failed;
}

} // namespace roachpin::app
