#include "net/resolver.hpp"

#include "net/dns_over_tls.hpp"

#include <array>
#include <stdexcept>
#include <sys/random.h>

namespace roachpin::net {
namespace {

template <class Number>
Number unpredictable() {
    Number number{};
    if (::getrandom(&number, sizeof(number), 0) != sizeof(number)) {
        throw std::runtime_error("getrandom(2) failed: no query can be sent that is hard to forge");
    }
    return number;
}

dns_carrier carrier_of(dns_transport by) {
    return by == dns_transport::udp ? dns_carrier::udp : dns_carrier::tcp;
}

/// AD, where a trusted server was asked for it.
policy::authenticity proof_of(const dns::answer& answer, policy::dnssec_mode mode) {
    if (mode != policy::dnssec_mode::require_ad) {
        return policy::authenticity::unknown;
    }
    return answer.authenticated ? policy::authenticity::secure : policy::authenticity::insecure;
}

} // namespace

resolver::resolver(executor where, resolver_options options, core::event_source& events)
    : options_(std::move(options)), events_(events) {
    start_carrier();
    if (options_.dnssec == policy::dnssec_mode::validate) {
        for (const auto& server : options_.servers) {
            validators_.push_back(std::make_unique<validator>(
                where, server.where, server.transport == dns_transport::tcp,
                options_.trust_anchor));
        }
    }
}

awaitable<asked> resolver::ask(std::size_t server, dns::question what) {
    const auto& whom = options_.servers[server];
    if (validators_.empty()) {
        co_return co_await ask_plain(whom, std::move(what));
    }
    co_return co_await ask_validator(server, std::move(what));
}

/// libunbound says SERVFAIL of a server it cannot reach, too: whether that is it, a plain question
/// shows.
awaitable<asked> resolver::ask_validator(std::size_t server, dns::question what) {
    const auto& whom = options_.servers[server];
    auto told = co_await validators_[server]->ask(what, options_.timeout);
    if (!told) {
        if (told.error().malformed) {
            note_refused(whom, what, "malformed", told.error().sentence);
        }
        co_return told;
    }
    if (told->answer.status == dns::answer_status::failed &&
        told->proof != policy::authenticity::bogus) {
        auto plain = co_await ask_plain(whom, std::move(what));
        if (!plain) {
            co_return plain.error();
        }
    }
    co_return std::move(*told);
}

/// UDP first where it was asked for; then, and whatever went wrong, TCP.
awaitable<asked> resolver::ask_plain(const dns_server& server, dns::question what) {
    auto told = co_await try_once(server, server.transport, what);
    if (!told && server.transport == dns_transport::udp) {
        told = co_await try_once(server, dns_transport::tcp, std::move(what));
    }
    co_return told;
}

awaitable<asked> resolver::try_once(const dns_server& server, dns_transport by,
                                    dns::question what) {
    const auto query =
        dns::make_query(what, unpredictable<std::uint16_t>(), unpredictable<std::uint64_t>(),
                        options_.dnssec == policy::dnssec_mode::require_ad);
    const bool over_tls = by == dns_transport::tls;
    dns::refused_datagrams forged;
    auto carried = over_tls ? carry_over_tls(server.where, *server.tls_name, *options_.roots,
                                             dns::encode(query), options_.timeout)
                            : carry(carrier_of(by), server.where, dns::encode(query),
                                    options_.timeout, forged);
    const auto octets = co_await std::move(carried);
    if (forged.number > 0) {
        note_refused(server, what, "forged", describe(forged), forged.number);
    }
    if (!octets) {
        co_return unanswered{false, octets.error().sentence};
    }
    const auto reply = dns::parse_reply(*octets, query, over_tls || carrier_keeps_ids());
    if (!reply) {
        note_refused(server, what, to_string(reply.error().fault), reply.error().sentence);
        co_return unanswered{true, reply.error().sentence};
    }
    if (reply->truncated && by == dns_transport::udp) {
        note_refused(server, what, "truncated", "the answer is too large for UDP");
        co_return unanswered{false, "the answer is too large for UDP"};
    }
    auto answer = dns::read_answer(*reply, what);
    if (!answer) {
        note_refused(server, what, to_string(answer.error().fault), answer.error().sentence);
        co_return unanswered{true, answer.error().sentence};
    }
    const auto proof = proof_of(*answer, options_.dnssec);
    co_return validated{std::move(*answer), proof, {}};
}

void resolver::note_refused(const dns_server& server, const dns::question& what,
                            std::string_view reason, std::string sentence, std::size_t number) {
    events_.emit(core::events::dns_reply_refused{what.name.text(), server.name, std::string(reason),
                                                 std::move(sentence), number});
}

} // namespace roachpin::net
