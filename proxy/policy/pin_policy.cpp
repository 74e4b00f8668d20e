#include "policy/pin_policy.hpp"

#include "policy/address_book.hpp"
#include "policy/disagreement.hpp"

#include <algorithm>
#include <iterator>

namespace roachpin::policy {
namespace {

struct silence_text {
    std::string_view label;
    std::string_view finding;
};

silence_text text_of(silence_kind kind) {
    switch (kind) {
    case silence_kind::bogus:
        return {"dnssec_bogus", "DNS-BOGUS"};
    case silence_kind::nx_domain:
        return {"nxdomain", "DNS-NXDOMAIN"};
    case silence_kind::dangling:
        return {"dangling_alias", "DNS-DANGLING-CNAME"};
    case silence_kind::no_data:
        return {"nodata", "DNS-NODATA"};
    case silence_kind::failed:
        return {"servfail", "DNS-SERVFAIL"};
    case silence_kind::unreachable:
        return {"unreachable", "DNS-RESOLVER-UNREACHABLE"};
    }
    return {"unreachable", "DNS-RESOLVER-UNREACHABLE"};
}

/// What is wrong with what a server said; nothing where it is a clean answer.
struct find_trouble {
    const answer_rules& rules;
    std::size_t server;

    std::optional<server_trouble> operator()(const named_answer& said) const {
        if (said.endpoints.empty()) {
            return (*this)(silence{silence_kind::no_data, "the answer names no address"});
        }
        const auto refused = refuse_answer(said, rules);
        if (!refused) {
            return std::nullopt;
        }
        return refusal(*refused);
    }

    std::optional<server_trouble> operator()(const silence& said) const {
        const bool is_refusal =
            said.kind == silence_kind::dangling || said.kind == silence_kind::bogus;
        const auto alias = is_refusal ? std::nullopt : refuse_aliases(said.chain, rules);
        if (alias) {
            return refusal(*alias);
        }
        const auto [label, finding] = text_of(said.kind);
        auto made = trouble(label, finding, said.sentence);
        made.refused = is_refusal;
        return made;
    }

    std::optional<server_trouble> operator()(const unusable& said) const {
        auto made = trouble("malformed", text_of(silence_kind::failed).finding, said.sentence);
        made.refused = true;
        return made;
    }

    server_trouble refusal(const answer_refusal& why) const {
        auto made = trouble(to_string(why.fault), finding_of(why.fault), why.sentence);
        made.refused = true;
        return made;
    }

    server_trouble trouble(std::string_view reason, std::string_view finding,
                           const std::string& sentence) const {
        return {server, std::string(reason), std::string(finding), sentence};
    }
};

/// Remembers the trouble; whether it is another than the server's last.
bool is_news(std::map<std::size_t, std::string>& last_trouble, const server_trouble& trouble) {
    auto text = trouble.reason + ": " + trouble.sentence;
    auto [last, is_first] = last_trouble.try_emplace(trouble.server, text);
    const bool differs = last->second != text;
    last->second = std::move(text);
    return is_first || differs;
}

bool has_family(const pin_state& state, bool v4) {
    return std::any_of(state.addresses.begin(), state.addresses.end(), [&](const auto& one) {
        return one.second.accepted && one.first.address.is_v4() == v4;
    });
}

/// The clean answers; the others become `made.trouble`.
std::vector<clean_answer> judge(const std::vector<observation>& said, const answer_rules& rules,
                                decision& made) {
    std::vector<clean_answer> clean;
    for (const auto& one : said) {
        const find_trouble judged{rules, one.server};
        auto trouble = std::visit(judged, one.said);
        if (!trouble) {
            const auto& [v4, v6] = one.unanswered;
            clean.push_back({one.server, &std::get<named_answer>(one.said), !v4, !v6});
            // A server that knows nothing of a family nobody uses is none.
            if (v4 && has_family(made.next, true)) {
                trouble = judged(*v4);
            } else if (v6 && has_family(made.next, false)) {
                trouble = judged(*v6);
            }
        }
        if (trouble) {
            trouble->news = is_news(made.next.last_trouble, *trouble);
            made.trouble.push_back(std::move(*trouble));
        } else if (made.next.last_trouble.erase(one.server) > 0) {
            made.recovered.push_back(one.server);
        }
    }
    return clean;
}

/// Fewer servers than must agree cannot bring an address in. They cannot keep the others in for
/// ever either: where the rest is silenced, that would be one server's word for what is current.
void count_round(pin_state& next, const std::vector<clean_answer>& clean, bool enough,
                 core::time_point now) {
    next.failed_rounds = clean.empty() ? next.failed_rounds + 1 : 0;
    if (enough) {
        next.last_good = now;
    }
}

/// Additions before removals: what comes is a successor to what goes. Removals by answers alone,
/// not by a hold that passes while servers are silent.
void update(address_book& book, const std::vector<clean_answer>& clean, const pin_rules& rules) {
    const auto enough = [&](bool clean_answer::*of) {
        const auto count = std::count_if(clean.begin(), clean.end(),
                                         [&](const clean_answer& one) { return one.*of; });
        return static_cast<std::size_t>(count) >= needed_votes(rules);
    };
    const bool v4 = enough(&clean_answer::on_v4);
    const bool v6 = enough(&clean_answer::on_v6);
    book.enforce_rules();
    book.note(clean);
    book.count_missing(v4, v6);
    book.accept_named();
    if (v4 || v6) {
        book.remove_missing();
    }
    book.forget();
}

/// What is in `all` and not in `without`; both sorted.
std::vector<core::endpoint> difference(const std::vector<core::endpoint>& all,
                                       const std::vector<core::endpoint>& without) {
    std::vector<core::endpoint> rest;
    std::set_difference(all.begin(), all.end(), without.begin(), without.end(),
                        std::back_inserter(rest));
    return rest;
}

/// An address that is replaced is two changes, and the second comes only after removal_hold: what
/// is accepted is compared with what was a while ago.
bool is_rapid(pin_state& state, const std::vector<core::endpoint>& before,
              const std::vector<core::endpoint>& after, const pin_rules& rules,
              core::time_point now) {
    const core::duration window = 2 * rules.removal_hold + std::chrono::minutes(5);
    if (state.compared.empty() || now - state.compared_at > window) {
        state.compared = before;
        state.compared_at = now;
    }
    const auto changes =
        difference(after, state.compared).size() + difference(state.compared, after).size();
    return before != after && !state.compared.empty() && changes >= 2 &&
           changes * 2 > state.compared.size();
}

bool is_stale(const pin_state& state, const pin_rules& rules, core::time_point now) {
    return state.last_good && rules.max_stale > core::duration::zero() &&
           now - *state.last_good > rules.max_stale;
}

core::duration until_ttl(const std::vector<clean_answer>& clean, const pin_rules& rules) {
    auto least = rules.refresh_max;
    for (const auto& [server, said, on_v4, on_v6] : clean) {
        least = std::min(least, said->ttl);
    }
    return std::max(least, rules.refresh_min);
}

/// The least time that a server gave for its denial; zero where none did.
core::duration negative_ttl(const std::vector<observation>& said) {
    core::duration least{};
    for (const auto& one : said) {
        const auto* silent = std::get_if<silence>(&one.said);
        if (silent != nullptr && silent->ttl > core::duration::zero() &&
            (least == core::duration::zero() || silent->ttl < least)) {
            least = silent->ttl;
        }
    }
    return least;
}

/// Doubled with each round without a clean answer; a failure is not believed for more than five
/// minutes (RFC 9520 section 3.2). A denial may be, for the time it gives: it is an answer.
core::duration until_retry(const std::vector<observation>& said, unsigned failed_rounds,
                           const pin_rules& rules) {
    const auto most = std::min<core::duration>(std::max(rules.refresh_min, rules.refresh_max),
                                               std::chrono::minutes(5));
    const auto doublings = std::min(failed_rounds - 1, 16U);
    const auto wait = std::min(rules.refresh_min * (1U << doublings), most);
    return std::max(wait, std::min(negative_ttl(said), rules.refresh_max));
}

} // namespace

std::string_view to_string(silence_kind kind) {
    return text_of(kind).label;
}

decision decide(const pin_state& state, const std::vector<observation>& said,
                const pin_rules& rules, core::time_point now, const proof_record& proofs) {
    decision made{.next = state};
    const auto clean = judge(said, rules.answers, made);
    const bool enough = clean.size() >= needed_votes(rules);
    count_round(made.next, clean, enough, now);

    address_book book(made.next, rules, now, proofs);
    const auto before = book.accepted();
    update(book, clean, rules);
    const auto after = book.accepted();

    made.added = difference(after, before);
    made.removed = difference(before, after);
    made.rapid_change = is_rapid(made.next, before, after, rules, now);
    made.outside_lock = outside_lock(after, rules.answers);
    made.dissent = find_disagreement(clean, made.next, rules);
    made.stale = is_stale(made.next, rules, now);
    if (!made.stale) {
        made.usable = after;
    }
    const bool in_doubt = made.dissent || (enough && book.is_any_absent());
    made.ask_again = clean.empty() ? until_retry(said, made.next.failed_rounds, rules)
                     : in_doubt    ? rules.refresh_min
                                   : until_ttl(clean, rules);
    return made;
}

pin_state forget_servers(pin_state state) {
    state.clean_answers.clear();
    state.last_trouble.clear();
    std::erase_if(state.addresses, [](const auto& one) { return !one.second.accepted; });
    for (auto& [where, known] : state.addresses) {
        known.named.clear();
    }
    return state;
}

} // namespace roachpin::policy
