#include "audit/write_report.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace roachpin::audit {

core::result<report_format> parse_format(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, report_format>, 4> formats{
        {{"text", report_format::text},
         {"json", report_format::json},
         {"sarif", report_format::sarif},
         {"junit", report_format::junit}}};
    const auto* found = std::find_if(formats.begin(), formats.end(),
                                     [&](const auto& one) { return one.first == text; });
    if (found == formats.end()) {
        return core::error{"\"" + std::string(text) +
                           "\" is no format; write text, json, sarif or junit"};
    }
    return found->second;
}

} // namespace roachpin::audit
