#pragma once

#include <string_view>

/// The files of telemetry/page/ that the page loads, as they are; CMake puts them into the program.
namespace roachpin::telemetry {

extern const std::string_view page_css; ///< at /page.css, text/css
extern const std::string_view page_js;  ///< at /page.js, text/javascript

} // namespace roachpin::telemetry
