#pragma once

#include <array>
#include <string_view>

namespace roachpin::core {

/// What `roachpin check` may find, by name: part of the product's surface, and so never renamed.
/// What each of them means is in audit/catalogue.cpp. It stands here because the configuration may
/// name one as well (`suppress`).
inline constexpr std::array<std::string_view, 36> finding_ids{
    "DNS-ADDRESS-UNEXPECTED",
    "DNS-DANGLING-CNAME",
    "TLS-VERIFY-FAILED",
    "TLS-REFUSED",
    "DNS-CNAME-UNEXPECTED",
    "DNS-ADDRESS-CLASS",
    "DNS-PUBLIC-FOR-PRIVATE",
    "DNS-NXDOMAIN",
    "DNS-SERVFAIL",
    "DNS-BOGUS",
    "DNS-RESOLVER-UNREACHABLE",
    "TLS-PIN-MISMATCH",
    "TLS-ISSUER-CHANGED",
    "TLS-REVOKED",
    "NODE-UNREACHABLE",
    "CFG-SELF-ADDRESS",
    "DNS-NODATA",
    "DNS-NOT-AUTHENTICATED",
    "DNS-RESOLVER-DISAGREE",
    "DNS-LOCK-DRIFT",
    "DNS-CHANGE-RATE",
    "TLS-CERT-EXPIRING",
    "TLS-CERT-WEAK",
    "NODE-NOT-READY",
    "CFG-ALLOWLIST-WIDE",
    "CFG-CA-PUBLIC",
    "CFG-KEY-PERMISSIONS",
    "CFG-VERIFIES-LOCALHOST",
    "CFG-LOCK-EXPIRED",
    "CFG-SUPPRESSION-EXPIRED",
    "CFG-LIB-VULNERABLE",
    "DNS-RESOLVER-INSECURE",
    "DNS-TTL-EXTREME",
    "TLS-SAME-CERT-ACROSS-NODES",
    "CFG-NAME-NOT-FQDN",
    "CFG-LOCK-MISSING",
};

} // namespace roachpin::core
