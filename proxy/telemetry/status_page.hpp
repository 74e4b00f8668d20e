#pragma once

#include "telemetry/status.hpp"

#include <string>
#include <string_view>

/// The page people look at. Pure.
namespace roachpin::telemetry {

/// The whole of it (`/`, text/html in UTF-8), readable without its script and without its style.
/// Nothing in it is loaded from elsewhere but /page.css and /page.js, beside it (page_assets.hpp).
std::string to_html(const status& of);

/// For the header Content-Security-Policy: whatever should slip through the escaping does nothing.
inline constexpr std::string_view page_security_policy =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

} // namespace roachpin::telemetry
