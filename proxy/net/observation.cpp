#include "net/observation.hpp"

#include "core/printable.hpp"

#include <algorithm>

namespace roachpin::net {
namespace {

using policy::authenticity;
using policy::silence_kind;

constexpr std::size_t longest_reason = 300;

silence_kind kind_of(const dns::answer& answer) {
    switch (answer.status) {
    case dns::answer_status::nx_domain:
        return answer.chain.empty() ? silence_kind::nx_domain : silence_kind::dangling;
    case dns::answer_status::no_data:
    case dns::answer_status::found: // of the other type
        return silence_kind::no_data;
    case dns::answer_status::failed:
        break;
    }
    return silence_kind::failed;
}

std::string sentence_of(const validated& told) {
    std::string text;
    for (const auto& alias : told.answer.chain) {
        text += "alias to " + alias.text() + ": ";
    }
    const auto rcode = told.answer.rcode;
    text += rcode == 0 ? "no records of that type" : dns::rcode_text(rcode);
    if (told.answer.extended) {
        const auto& why = *told.answer.extended;
        text += " (extended error " + std::to_string(why.code) +
                (why.text.empty() ? "" : ": " + why.text) + ")";
    }
    if (told.proof == authenticity::bogus) {
        text += "; DNSSEC bogus: " + core::printable(told.why_bogus, longest_reason);
    }
    return text;
}

policy::silence silence_of(const asked& told) {
    if (!told) {
        return {silence_kind::unreachable, told.error().sentence};
    }
    if (told->proof == authenticity::bogus) { // nothing of it may be believed, not even its TTL
        return {silence_kind::bogus, sentence_of(*told)};
    }
    return {kind_of(told->answer), sentence_of(*told), told->proof == authenticity::secure,
            std::chrono::seconds(told->answer.ttl), told->answer.chain};
}

bool has_data(const asked& told) {
    return told && told->answer.status == dns::answer_status::found;
}

/// A clear answer that there is nothing.
bool is_denial(silence_kind kind) {
    return kind == silence_kind::no_data || kind == silence_kind::nx_domain;
}

bool is_malformed(const asked& told) {
    return !told && told.error().malformed;
}

/// The worse of two: one bogus half spoils the whole.
authenticity worse(authenticity a, authenticity b) {
    for (const auto each : {authenticity::bogus, authenticity::insecure, authenticity::unknown}) {
        if (a == each || b == each) {
            return each;
        }
    }
    return authenticity::secure;
}

/// Adds what an answer has; `into` is not the first where it has endpoints already.
void add(policy::named_answer& into, const validated& told, std::uint16_t port) {
    const auto ttl = std::chrono::seconds(told.answer.ttl);
    const bool is_first = into.endpoints.empty();
    into.ttl = is_first ? ttl : std::min<core::duration>(into.ttl, ttl);
    into.proof = is_first ? told.proof : worse(into.proof, told.proof);
    into.why_bogus += into.why_bogus.empty() ? told.why_bogus : "";
    for (const auto& address : told.answer.addresses) {
        into.endpoints.push_back({address, port});
    }
}

/// Aliases are judged whether or not there are addresses at their end.
void add_chain(policy::named_answer& into, const std::vector<core::dns_name>& chain) {
    for (const auto& alias : chain) {
        if (std::find(into.chain.begin(), into.chain.end(), alias) == into.chain.end()) {
            into.chain.push_back(alias);
        }
    }
}

/// What explains best why there is no address: a server that said something before one that did
/// not, and a denial of the name before one of a type.
policy::silence plainest(const name_answers& told) {
    auto a = silence_of(told.a);
    auto aaaa = silence_of(told.aaaa);
    for (const auto kind : {silence_kind::bogus, silence_kind::dangling, silence_kind::nx_domain,
                            silence_kind::failed, silence_kind::unreachable}) {
        if (a.kind == kind) {
            return a;
        }
        if (aaaa.kind == kind) {
            return aaaa;
        }
    }
    return a;
}

/// `server` on an SRV record and on each of its targets.
policy::observation observe_services(std::size_t server, const validated& record,
                                     const std::vector<name_answers>& targets) {
    policy::named_answer all;
    policy::half_answers unanswered;
    all.chain = record.answer.chain;
    all.ttl = std::chrono::seconds(record.answer.ttl);
    all.proof = record.proof;
    all.why_bogus = record.why_bogus;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const auto& service = record.answer.services[i];
        all.targets.push_back(service.target);
        auto one = observe(server, targets[i], service.port);
        if (std::holds_alternative<policy::unusable>(one.said)) {
            return one;
        }
        if (const auto* away = std::get_if<policy::silence>(&one.said)) {
            add_chain(all, away->chain);
            if (!is_denial(away->kind)) { // otherwise a node that is away
                unanswered = {*away, *away};
            }
            continue;
        }
        if (one.unanswered.v4) {
            unanswered.v4 = std::move(one.unanswered.v4);
        }
        if (one.unanswered.v6) {
            unanswered.v6 = std::move(one.unanswered.v6);
        }
        auto* named = std::get_if<policy::named_answer>(&one.said);
        all.ttl = std::min(all.ttl, named->ttl);
        all.proof = worse(all.proof, named->proof);
        all.why_bogus += all.why_bogus.empty() ? named->why_bogus : "";
        add_chain(all, named->chain);
        std::move(named->endpoints.begin(), named->endpoints.end(),
                  std::back_inserter(all.endpoints));
    }
    if (all.endpoints.empty() && unanswered.v4) {
        return {server, std::move(*unanswered.v4)};
    }
    if (all.endpoints.empty()) {
        return {server, policy::silence{silence_kind::no_data,
                                        "none of the SRV record's targets has an address"}};
    }
    return {server, std::move(all), std::move(unanswered)};
}

/// What a question that failed, or was denied, says of the whole.
policy::observation observe_nothing(std::size_t server, const asked& told) {
    if (is_malformed(told)) {
        return {server, policy::unusable{told.error().sentence}};
    }
    return {server, silence_of(told)};
}

/// Why one question has no answer while the other has. NXDOMAIN is none: the name is there.
std::optional<policy::silence> gap_of(const asked& told) {
    if (has_data(told)) {
        return std::nullopt;
    }
    auto why = silence_of(told);
    return why.kind == silence_kind::no_data ? std::nullopt : std::optional(std::move(why));
}

} // namespace

policy::observation observe(std::size_t server, const name_answers& told, std::uint16_t port) {
    for (const auto* half : {&told.a, &told.aaaa}) {
        if (is_malformed(*half)) {
            return {server, policy::unusable{half->error().sentence}};
        }
    }
    policy::named_answer named;
    for (const auto* half : {&told.a, &told.aaaa}) {
        if (has_data(*half)) {
            add(named, **half, port);
        }
        if (*half) {
            add_chain(named, (*half)->answer.chain);
        }
    }
    if (named.endpoints.empty()) {
        return {server, plainest(told)};
    }
    return {server, std::move(named), {gap_of(told.a), gap_of(told.aaaa)}};
}

policy::observation observe(std::size_t server, const inquiry& told, std::uint16_t port) {
    if (!told.record) {
        return observe(server, told.names.front(), port);
    }
    return has_data(*told.record) ? observe_services(server, **told.record, told.names)
                                  : observe_nothing(server, *told.record);
}

} // namespace roachpin::net
