#include "dns/record_data.hpp"

#include "core/printable.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace roachpin::dns {
namespace {

constexpr std::uint16_t option_extended_error = 15; // RFC 8914 section 2

/// Nothing where the record's data is not an address long.
template <std::size_t Size>
std::optional<std::array<std::uint8_t, Size>> take_octets(message_reader& in, std::size_t size) {
    if (size != Size) {
        in.refuse("an address record has " + std::to_string(size) + " octets of data");
    }
    const auto taken = in.take(Size);
    if (in.refused()) {
        return std::nullopt;
    }
    std::array<std::uint8_t, Size> octets{};
    std::copy(taken.begin(), taken.end(), octets.begin());
    return octets;
}

/// RFC 8914 section 2. The text may end in a zero octet, which is not part of it.
extended_error take_extended_error(message_reader& in, std::size_t size) {
    if (size < sizeof(std::uint16_t)) {
        in.refuse("an Extended DNS Error has no code");
        return {};
    }
    const auto code = in.take_uint16();
    auto text = core::as_text(in.take(size - sizeof code));
    if (text.ends_with('\0')) {
        text.remove_suffix(1);
    }
    return {code, core::printable(text)};
}

} // namespace

std::uint32_t seconds(std::uint32_t ttl) {
    return (ttl & 0x80000000U) != 0 ? 0 : ttl;
}

std::optional<core::ip_address> take_a(message_reader& in, std::size_t size) {
    const auto octets = take_octets<4>(in, size);
    return octets ? std::optional(core::ip_address::v4(*octets)) : std::nullopt;
}

/// An IPv4-mapped address is an A record that was not asked for: kept as the IPv4 address it stands
/// for (RFC 4291 section 2.5.5.2), it would pass for an answer of the other family. No honest zone
/// has one.
std::optional<core::ip_address> take_aaaa(message_reader& in, std::size_t size) {
    const auto octets = take_octets<16>(in, size);
    if (!octets) {
        return std::nullopt;
    }
    const auto address = core::ip_address::v6(*octets);
    if (address.is_v4()) {
        in.refuse("an AAAA record holds " + address.to_string() + ", mapped");
        return std::nullopt;
    }
    return address;
}

/// RFC 2782. The target should not be compressed, and some servers do it (RFC 3597 section 4).
std::optional<service> take_srv(message_reader& in) {
    const auto priority = in.take_uint16();
    const auto weight = in.take_uint16();
    const auto port = in.take_uint16();
    auto target = in.take_name();
    return target ? std::optional(service{std::move(*target), port, priority, weight})
                  : std::nullopt;
}

/// The two names are only stepped over: the second is a mail address, which may have a dot inside a
/// label (RFC 1035 section 8), and neither is kept or shown.
std::uint32_t take_soa_minimum(message_reader& in) {
    in.take_labels();
    in.take_labels();
    in.take(4 * sizeof(std::uint32_t)); // serial, refresh, retry, expire
    return seconds(in.take_uint32());
}

std::optional<extended_error> take_options(message_reader& in, std::size_t size) {
    std::optional<extended_error> first;
    const auto end = in.position() + size;
    while (!in.refused() && in.position() < end) {
        const auto code = in.take_uint16();
        const auto length = in.take_uint16();
        if (code == option_extended_error && !first) {
            first = take_extended_error(in, length);
        } else {
            in.take(length);
        }
    }
    return first;
}

} // namespace roachpin::dns
