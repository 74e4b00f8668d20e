#include "dns/datagram.hpp"

#include <algorithm>

namespace roachpin::dns {
namespace {

constexpr std::size_t header_size = 12;        // RFC 1035 section 4.1.1
constexpr std::size_t type_and_class_size = 4; // section 4.1.2

unsigned id_of(core::bytes_view message) {
    return unsigned{message[0]} << 8U | message[1];
}

bool is_reply(core::bytes_view message) {
    return (message[2] & 0x80U) != 0;
}

std::uint8_t lower(std::uint8_t octet) {
    return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet - 'A' + 'a') : octet;
}

/// Where the name ends that a message of ours asks for.
std::size_t end_of_name(core::bytes_view message) {
    auto at = header_size;
    while (at < message.size() && message[at] != 0) {
        at += message[at] + 1U;
    }
    return std::min(at + 1, message.size());
}

/// One question, and that to the octet but for the letters' case.
bool has_same_question(core::bytes_view received, core::bytes_view sent) {
    const auto name_end = end_of_name(sent);
    const auto end = name_end + type_and_class_size;
    if (end > sent.size() || end > received.size()) {
        return false;
    }
    const auto same = [&](std::size_t from, std::size_t to, auto fold) {
        return std::equal(received.begin() + static_cast<std::ptrdiff_t>(from),
                          received.begin() + static_cast<std::ptrdiff_t>(to),
                          sent.begin() + static_cast<std::ptrdiff_t>(from),
                          [&](auto a, auto b) { return fold(a) == fold(b); });
    };
    const auto as_it_is = [](std::uint8_t octet) {
        return octet;
    };
    return same(4, 6, as_it_is) && same(header_size, name_end, lower) &&
           same(name_end, end, as_it_is);
}

} // namespace

std::optional<std::string> refuse_datagram(const datagram& received, const datagram& sent) {
    if (received.peer != sent.peer) {
        return "from " + received.peer.to_string() + " instead of " + sent.peer.to_string();
    }
    const auto size = received.octets.size();
    if (size < header_size || sent.octets.size() < header_size) {
        return std::to_string(size) + " octets, less than a header";
    }
    if (id_of(received.octets) != id_of(sent.octets)) {
        return "id " + std::to_string(id_of(received.octets)) + " instead of " +
               std::to_string(id_of(sent.octets));
    }
    if (!is_reply(received.octets)) {
        return "a query instead of a reply";
    }
    if (!has_same_question(received.octets, sent.octets)) {
        return "without this query's question";
    }
    return std::nullopt;
}

std::string describe(const refused_datagrams& refused) {
    return std::to_string(refused.number) +
           (refused.number == 1 ? " datagram that was" : " datagrams that were") +
           " no answer to this query (" + refused.last + ")";
}

} // namespace roachpin::dns
