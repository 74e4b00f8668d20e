#pragma once

#include "audit/finding.hpp"
#include "audit/observations.hpp"

#include <chrono>
#include <vector>

namespace roachpin::audit {

/// The stages, as a `looked_at` calls them, in their order.
namespace stages {

inline constexpr const char* configuration = "configuration";
inline constexpr const char* dns = "dns";
inline constexpr const char* dnssec = "dnssec";
inline constexpr const char* policy = "policy";
inline constexpr const char* tcp = "tcp";
inline constexpr const char* sslrequest = "sslrequest";
inline constexpr const char* tls = "tls";
inline constexpr const char* startup = "startup";
inline constexpr const char* health = "health";

} // namespace stages

/// Every stage of every node, at each of its servers and addresses, whatever came of it: also those
/// that were not reached, and why. What is allowed and none the less a finding has passed here.
std::vector<looked_at> steps_of(const observations& seen);

/// All that a check has to say: each finding has its step, which has not passed.
report make_report(const observations& seen, std::chrono::system_clock::time_point now);

} // namespace roachpin::audit
