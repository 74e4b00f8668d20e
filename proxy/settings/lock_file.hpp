#pragma once

#include "core/dns_name.hpp"
#include "core/host_name.hpp"
#include "core/ip_address.hpp"
#include "core/spki_pin.hpp"
#include "settings/problem.hpp"

#include <boost/system/result.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// roachpin.lock: what was seen of the hosts when somebody last looked at it. The configuration is
/// what is meant, written by hand; this is what is, written by `roachpin pin` alone and read by
/// people in a diff.
namespace roachpin::settings {

/// Of one host. All lists but `chain` are sets: in rising order, nothing twice.
struct locked_host {
    std::vector<core::dns_name> chain; ///< where aliases lead to, in order; empty: none
    std::vector<core::ip_address> addresses;
    std::vector<core::spki_pin> issuer_spki; ///< alternatives; survive the leaf's rotation
    std::vector<core::spki_pin> leaf_spki;
    std::vector<core::spki_pin> next_spki;                ///< published here before it is used
    std::optional<std::chrono::year_month_day> not_after; ///< of the leaf that ends first

    friend bool operator==(const locked_host&, const locked_host&) = default;
};

struct lock_file {
    std::chrono::year_month_day reviewed;
    std::chrono::year_month_day review_by; ///< not before `reviewed`
    std::map<core::host_name, locked_host> hosts;

    friend bool operator==(const lock_file&, const lock_file&) = default;
};

using lock_result = boost::system::result<lock_file, std::vector<problem>>;

/// Reads `text`: unknown keys, missing ones and bad values are all reported at once, under
/// `file_name`. Sets may be in any order, environment variables are not expanded. Does not throw.
lock_result parse_lock(const std::string& text, const std::filesystem::path& file_name);

/// Reads the file at `path`, at most 1 MiB of it.
lock_result load_lock(const std::filesystem::path& path);

/// The only text for `lock`: hosts and sets in order, one fact a line, nothing that changes while
/// the facts do not. Sets need not be in order here. `parse_lock` reads it back to an equal value.
std::string to_text(const lock_file& lock);

/// What has changed since, one a line, sorted: "crdb.internal: addresses: +10.1.2.4", and with "-"
/// what is no more. A host that came or went has a line of its own ("crdb.internal: +host") and one
/// for each of its facts; a chain is one fact. `reviewed` and `review_by` are not compared.
std::vector<std::string> differences(const lock_file& locked, const lock_file& now);

} // namespace roachpin::settings
