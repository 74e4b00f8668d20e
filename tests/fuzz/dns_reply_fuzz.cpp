#include "dns/answer.hpp"
#include "dns/reply.hpp"
#include "fuzz.hpp"

#include <array>

/// What a DNS server, or somebody who pretends to be one, replies.
///
/// Fed: the octets of a reply, which is taken for one to A, AAAA and SRV of crdb-0.db.internal
/// under an id that is not compared; the question in it decides which of them it may be.
///
/// Asserted: what the codec lets through holds what its headers promise: names are plain and read
/// again as they are, addresses and services are those of the answer section, alias chains have an
/// end, sentences may be shown.
namespace {

using namespace roachpin;
using namespace roachpin::fuzz;

bool is_printable(std::string_view text) {
    // U+2026 is what core::printable ends a text with that it has cut.
    if (text.ends_with("…")) {
        text.remove_suffix(std::string_view("…").size());
    }
    return is_printable_ascii(text);
}

void require_plain(const core::dns_name& name) {
    const auto again = core::dns_name::parse(name.text());
    require(again && again->text() == name.text(), "a name reads as it is written");
    require(is_printable_ascii(name.text()), "a name is plain");
}

void require_sound(const dns::refused_reply& refused) {
    require(!refused.sentence.empty() && is_printable(refused.sentence),
            "a refusal has a sentence that may be shown");
}

void require_sound(const dns::reply& received) {
    require(received.answers.size() <= dns::max_records, "a section has a bound");
    for (const auto& one : received.answers) {
        require_plain(one.owner);
        require(one.ttl < 0x80000000U, "RFC 2181 section 8");
        if (const auto* alias = std::get_if<core::dns_name>(&one.data)) {
            require_plain(*alias);
        } else if (const auto* service = std::get_if<dns::service>(&one.data)) {
            require_plain(service->target);
        }
    }
    require(!received.extended || is_printable(received.extended->text),
            "what a server explains may be shown");
}

bool has_address(const dns::reply& received, const core::ip_address& address) {
    return std::any_of(received.answers.begin(), received.answers.end(), [&](const auto& one) {
        const auto* held = std::get_if<core::ip_address>(&one.data);
        return held != nullptr && *held == address;
    });
}

bool has_service(const dns::reply& received, const dns::service& service) {
    return std::any_of(received.answers.begin(), received.answers.end(), [&](const auto& one) {
        const auto* held = std::get_if<dns::service>(&one.data);
        return held != nullptr && *held == service;
    });
}

void require_sound(const dns::answer& said, const dns::reply& received, dns::record_type asked) {
    require(said.chain.size() <= 16, "a chain has an end");
    for (const auto& name : said.chain) {
        require_plain(name);
    }
    for (const auto& address : said.addresses) {
        require(asked != dns::record_type::srv &&
                    address.is_v4() == (asked == dns::record_type::a) &&
                    has_address(received, address),
                "an address is of the kind that was asked for, and of the answer section");
    }
    require(std::is_sorted(said.addresses.begin(), said.addresses.end()), "addresses are in order");
    require(said.services.empty() || asked == dns::record_type::srv, "services are SRV's");
    for (const auto& one : said.services) {
        require_plain(one.target);
        require(has_service(received, one), "a service is of the answer section");
    }
    require((said.status == dns::answer_status::found) ==
                (!said.addresses.empty() || !said.services.empty()),
            "what is found is there");
    require(said.addresses.empty() || said.rcode == 0, "an error finds nothing");
}

dns::query query_of(dns::record_type type) {
    return dns::make_query({core::dns_name::parse("crdb-0.db.internal").value(), type}, 0x2a5f,
                           0b1010'0110'1001, true);
}

void judge(core::bytes_view octets, const dns::query& sent) {
    const auto received = dns::parse_reply(octets, sent, false);
    if (!received) {
        require_sound(received.error());
        return;
    }
    require_sound(*received);
    const auto said = dns::read_answer(*received, sent.asked);
    if (!said) {
        require_sound(said.error());
        return;
    }
    require_sound(*said, *received, sent.asked.type);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::array sent{query_of(dns::record_type::a), query_of(dns::record_type::aaaa),
                                 query_of(dns::record_type::srv)};
    for (const auto& one : sent) {
        judge({data, size}, one);
    }
    return 0;
}
