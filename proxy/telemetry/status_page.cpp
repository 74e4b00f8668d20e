#include "telemetry/status_page.hpp"

#include "telemetry/page/parts.hpp"
#include "telemetry/page/pieces.hpp"

namespace roachpin::telemetry {
namespace {

using page::html;
using page::markup;

/// page.js shows the button and fills the line beside it; without it, the link is what there is.
html header(const status& of) {
    return markup(R"(<a class="skip" href="#main">Skip to the status</a>
<header>
<p class="brand"><b>roachpin</b> {}</p>
<p id="as-of">As of {}</p>
<p class="controls"><a href="">Reload</a> <button type="button" id="pause" hidden="">Pause</button></p>
<p id="connection" role="status"></p>
</header>
)",
                  of.version, page::moment(of.now));
}

html footer() {
    return markup(R"(<footer><nav aria-label="The same for programs"><a href="/status">JSON</a> )"
                  R"(<a href="/metrics">Metrics</a></nav></footer>)"
                  "\n");
}

} // namespace

std::string to_html(const status& of) {
    const auto all = summarise(of);
    auto main = page::headline(all);
    main += page::concerns(all);
    main += page::facts(of);
    main += page::nodes(of);
    main += page::names(of);
    main += page::certificates(of);
    main += page::listeners(of);
    main += page::events(of);
    return markup(R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>{} · roachpin</title>
<link rel="stylesheet" href="/page.css"/>
<script src="/page.js" defer=""></script>
</head>
<body>
{}<main id="main" tabindex="-1">
{}</main>
{}</body>
</html>
)",
                  all.headline, header(of), main, footer())
        .text();
}

} // namespace roachpin::telemetry
