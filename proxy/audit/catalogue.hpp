#pragma once

#include "audit/finding.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Every finding there is: the one place that says how grave it is and what to do about it. The
/// page config/findings.md is made of it.
namespace roachpin::audit {

struct catalogue_entry {
    std::string_view id; ///< of core::finding_ids, in the same order
    severity level = severity::info;
    std::string_view stage;       ///< where it is seen: a `looked_at::stage`
    std::string_view title;       ///< a few words, no full stop
    std::string_view meaning;     ///< sentences
    std::string_view remediation; ///< sentences: what the operator does about it
    /// Graver than `level` where `worst_when` holds ("once the day has passed"); as a rule the
    /// same.
    severity worst = level;
    std::string_view worst_when{};
    /// Says that something could not be looked at: exit code 3, not 1.
    bool could_not_look = false;
};

std::span<const catalogue_entry> catalogue();

/// nullptr: there is no such finding.
const catalogue_entry* find(std::string_view id);

/// A finding of the catalogue, of its severity unless another of the entry's two is asked for.
/// Throws std::logic_error where the catalogue has no such id, or not with that severity. Texts
/// from the network come printable (core/printable.hpp).
finding make_finding(std::string_view id, std::string host, std::string subject, std::size_t line,
                     std::string evidence, std::optional<severity> level = std::nullopt);

} // namespace roachpin::audit
