#pragma once

#include "audit/finding.hpp"
#include "audit/observations.hpp"

#include <chrono>
#include <string>
#include <vector>

/// From what was seen to what is amiss. Pure: time is given.
namespace roachpin::audit {

/// A certificate that ends sooner than this is to be renewed.
inline constexpr std::chrono::days soon{30};

/// Every rule of the catalogue, but CFG-SUPPRESSION-EXPIRED.
std::vector<finding> judge(const observations& seen, std::chrono::system_clock::time_point now);

/// Of `judge`, each for itself, in the order of the file. Of the configuration and of what it names
/// on this machine: all that can be known offline.
std::vector<finding> judge_configuration(const observations& seen,
                                         std::chrono::system_clock::time_point now);
std::vector<finding> judge_names(const observations& seen); ///< what servers say of them
std::vector<finding> judge_nodes(const observations& seen,  ///< what is found at their addresses
                                 std::chrono::system_clock::time_point now);

/// What could not be looked at for a reason of roachpin's own, a sentence each. What is silent
/// has a finding (catalogue_entry::could_not_look).
std::vector<std::string> unfinished(const observations& seen);

/// Whether c-ares of this version ("1.34.5") has a flaw that an answer can reach.
bool is_vulnerable_c_ares(const std::string& version);

} // namespace roachpin::audit
