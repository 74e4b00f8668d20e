#pragma once

#include "core/ip_address.hpp"
#include "dns/message_reader.hpp"
#include "dns/reply.hpp"

/// What stands in a record behind its length. Each function reads from there; whether all of the
/// data was read, and nothing behind it, is the caller's to check.
namespace roachpin::dns {

/// A time to live as it came → in seconds: one with the top bit set is 0 (RFC 2181 section 8).
std::uint32_t seconds(std::uint32_t ttl);

std::optional<core::ip_address> take_a(message_reader& in, std::size_t size);
std::optional<core::ip_address> take_aaaa(message_reader& in, std::size_t size);
std::optional<service> take_srv(message_reader& in);

/// The last field of a SOA record: a denial's time to live (RFC 2308 section 4).
std::uint32_t take_soa_minimum(message_reader& in);

/// The first Extended DNS Error among the options of an OPT record (RFC 6891 section 6.1.2).
std::optional<extended_error> take_options(message_reader& in, std::size_t size);

} // namespace roachpin::dns
