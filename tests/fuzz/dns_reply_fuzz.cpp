#include "dns/answer.hpp"
#include "dns/reply.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

/// Any octets, as the reply to "A of crdb-0.db.internal" under an id that is not compared. What the
/// codec lets through must hold what its headers promise, or this aborts.
namespace {

using namespace roachpin;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

bool is_printable(std::string_view text) {
    // U+2026 is what core::printable ends a text with that it has cut.
    if (text.ends_with("…")) {
        text.remove_suffix(std::string_view("…").size());
    }
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

void require_plain(const core::dns_name& name) {
    const auto again = core::dns_name::parse(name.text());
    require(again && again->text() == name.text());
    require(is_printable(name.text()));
}

void require_sound(const dns::refused_reply& refused) {
    require(!refused.sentence.empty() && is_printable(refused.sentence));
}

void require_sound(const dns::reply& received) {
    require(received.answers.size() <= dns::max_records);
    for (const auto& one : received.answers) {
        require_plain(one.owner);
        require(one.ttl < 0x80000000U);
        if (const auto* alias = std::get_if<core::dns_name>(&one.data)) {
            require_plain(*alias);
        } else if (const auto* service = std::get_if<dns::service>(&one.data)) {
            require_plain(service->target);
        }
    }
    require(!received.extended || is_printable(received.extended->text));
}

bool has_address(const dns::reply& received, const core::ip_address& address) {
    return std::any_of(received.answers.begin(), received.answers.end(), [&](const auto& one) {
        const auto* held = std::get_if<core::ip_address>(&one.data);
        return held != nullptr && *held == address;
    });
}

void require_sound(const dns::answer& said, const dns::reply& received) {
    require(said.chain.size() <= 16);
    for (const auto& name : said.chain) {
        require_plain(name);
    }
    for (const auto& address : said.addresses) {
        require(address.is_v4() && has_address(received, address));
    }
    require(std::is_sorted(said.addresses.begin(), said.addresses.end()));
    require(said.services.empty()); // no SRV was asked for
    require((said.status == dns::answer_status::found) == !said.addresses.empty());
    require(said.addresses.empty() || said.rcode == 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto sent =
        dns::make_query({core::dns_name::parse("crdb-0.db.internal").value(), dns::record_type::a},
                        0x2a5f, 0b1010'0110'1001, true);
    const auto received = dns::parse_reply({data, size}, sent, false);
    if (!received) {
        require_sound(received.error());
        return 0;
    }
    require_sound(*received);
    const auto said = dns::read_answer(*received, sent.asked);
    if (!said) {
        require_sound(said.error());
        return 0;
    }
    require_sound(*said, *received);
    return 0;
}
