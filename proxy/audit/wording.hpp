#pragma once

#include "audit/finding.hpp"
#include "audit/observations.hpp"

#include <chrono>
#include <cstddef>
#include <string>

/// What rules and steps have in common when they speak.
namespace roachpin::audit {

std::string day_of(std::chrono::system_clock::time_point time); ///< "2027-01-30"
std::string day_of(std::chrono::year_month_day day);

/// "ends on 2027-01-30, in 12 days", "has ended on …".
std::string ending(std::chrono::system_clock::time_point ends,
                   std::chrono::system_clock::time_point now);

/// Of a certificate that ends so soon that it is worth a finding.
severity level_of_ending(std::chrono::system_clock::time_point ends,
                         std::chrono::system_clock::time_point now);

/// A server as resolver.servers names it.
std::string server_name(const observations& seen, std::size_t server);

/// "alias gw.internal; 10.1.2.3:26257; ttl 30s; not authenticated".
std::string records_text(const policy::named_answer& said);

} // namespace roachpin::audit
