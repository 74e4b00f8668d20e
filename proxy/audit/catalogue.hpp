#pragma once

#include "audit/finding.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace roachpin::audit {

/// What a finding means, whatever showed it. config/findings.md is made of this.
struct catalogue_entry {
    std::string_view id;
    severity level; ///< as a rule; TLS-CERT-EXPIRING is critical once the date is past
    std::string_view title;
    std::string_view meaning; ///< why it matters
    std::string_view remedy;
};

/// In the order of SPEC.md: the most severe first.
std::span<const catalogue_entry> catalogue();

/// Throws std::logic_error where there is no such id.
const catalogue_entry& entry_of(std::string_view id);

/// A finding with the severity of its entry. `id` must be of the catalogue.
finding make_finding(std::string_view id, std::string host, std::string subject, std::size_t line,
                     std::string evidence);

} // namespace roachpin::audit
