#pragma once

#include "core/host_name.hpp"
#include "core/spki_pin.hpp"
#include "tls/handles.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// What a certificate says, as plain values. Texts come from the peer and are made printable.
namespace roachpin::tls {

std::string subject_of(const X509& certificate);
std::string issuer_of(const X509& certificate);

/// The first octets of the subject's or the issuer's key identifier (RFC 5280 4.2.1.1 and 2), "
/// (key 1a2b3c4d5e6f7a8b)", or nothing where the certificate has none: two authorities may share a
/// name.
std::string subject_key_of(const X509& certificate);
std::string issuer_key_of(const X509& certificate);

/// "DNS:crdb-0.crdb.internal, IP:10.1.2.3", or "none".
std::string names_of(const X509& certificate);

/// The names and addresses it carries, in its order, as far as each is one host: wildcards are
/// none.
std::vector<core::host_name> hosts_of(const X509& certificate);

core::spki_pin spki_of(const X509& certificate);
std::chrono::system_clock::time_point not_after_of(const X509& certificate);
std::chrono::system_clock::time_point not_before_of(const X509& certificate);

/// Of a revocation list: whose it is, and until when it holds; nothing where it does not say.
std::string issuer_of(const X509_CRL& list);
std::optional<std::chrono::system_clock::time_point> next_update_of(const X509_CRL& list);

/// "2027-01-30 12:00:00 UTC".
std::string to_string(std::chrono::system_clock::time_point time);

/// Whether the certificate carries `host`: a name against dNSName, a wildcard only as the whole
/// leftmost label; an IP against iPAddress. The CN is never looked at (RFC 6125, RFC 9525).
bool carries(const X509& certificate, const core::host_name& host);

/// Whether an extendedKeyUsage extension is there and lists serverAuth (RFC 5280 4.2.1.12).
bool allows_server_auth(const X509& certificate);

/// Whether it may act as a certificate authority in any of the ways OpenSSL knows.
bool may_sign(const X509& certificate);

} // namespace roachpin::tls
