#include "telemetry/page/html.hpp"
#include "telemetry/page_assets.hpp"
#include "telemetry/status_page.hpp"
#include "unit/telemetry/sample_status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <vector>

namespace roachpin {
namespace {

using telemetry::status;
using telemetry::to_html;
using testing::HasSubstr;
using testing::Not;

/// Every text replaced by what would break out of a tag, an attribute or a script.
status hostile_status() {
    const std::string evil = "</script><script>alert(1)</script>\"' onload=\"x\n\x01&";
    auto of = test::sample_status();
    of.version = of.not_ready_because = of.last_reload.why = of.last_reload.reason = evil;
    of.last_reload.succeeded = false;
    of.listeners[0] = {evil, evil, evil, 1, 1};
    auto& node = of.nodes[0];
    node.host = evil;
    node.rules = {evil};
    auto& place = node.places[0];
    place = {evil, "hostile", evil, evil, evil};
    place.proof = telemetry::proof_status{of.now, evil, evil, of.now, evil, evil};
    *node.name = {evil, true, of.now, {{evil, false, true, evil, evil, evil}}, evil, 3, {evil}};
    of.certificates = {{evil, evil, of.now}};
    of.events = {{of.now, evil, {telemetry::severity::error, "event", {{"field", evil}}}}};
    return of;
}

/// What is opened is closed, in order; a parser of HTML is forgiving where a reader is not.
void expect_well_formed(const std::string& html) {
    const std::set<std::string> empty{"meta", "link", "path", "br", "!doctype"};
    static const std::regex tag(R"(<(/?)([a-zA-Z!][a-zA-Z0-9]*)((?:"[^"]*"|[^>"])*)>)");
    std::vector<std::string> open;
    for (std::sregex_iterator at(html.begin(), html.end(), tag), end; at != end; ++at) {
        const auto name = (*at)[2].str();
        if (empty.contains(name)) {
            continue;
        }
        if ((*at)[1].str().empty()) {
            open.push_back(name);
            continue;
        }
        ASSERT_FALSE(open.empty()) << "</" << name << ">";
        ASSERT_EQ(open.back(), name);
        open.pop_back();
    }
    EXPECT_TRUE(open.empty()) << open.back();
}

TEST(telemetry_status_page, shows_the_nodes_the_rules_and_what_they_proved) {
    const auto html = to_html(test::sample_status());
    expect_well_formed(html);
    for (const char* text :
         {"<title>Ready: 2 of 2 addresses prove themselves · roachpin</title>", "crdb.internal",
          "10.1.2.3:26257", "allow: 10.1.0.0/16", "CN=Cockroach CA", "in 89 days", "10.0.0.53",
          "believed", "127.0.0.1:26257", "started", "in force", "1.2 MB"}) {
        EXPECT_THAT(html, HasSubstr(text));
    }
}

TEST(telemetry_status_page, the_worst_node_comes_first) {
    auto of = test::sample_status();
    of.nodes.push_back({.host = "bad.internal", .places = {test::hostile_place("10.9.9.9:26257")}});
    const auto html = to_html(of);
    EXPECT_LT(html.find("10.9.9.9:26257</th>"), html.find("10.1.2.3:26257</th>"));
    EXPECT_THAT(html, HasSubstr("HOSTILE: bad.internal at 10.9.9.9:26257"));
}

TEST(telemetry_status_page, nothing_that_somebody_chose_becomes_markup) {
    const auto html = to_html(hostile_status());
    expect_well_formed(html);
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
    EXPECT_THAT(html, Not(HasSubstr("onload=\"x")));
    EXPECT_THAT(html, Not(HasSubstr("\x01")));
    EXPECT_THAT(html, HasSubstr("&lt;/script&gt;&lt;script&gt;alert(1)"));
}

TEST(telemetry_status_page, nothing_at_all_is_a_page_too) {
    expect_well_formed(to_html({}));
    EXPECT_THAT(to_html({}), HasSubstr("Not ready"));
}

TEST(telemetry_status_page, hundreds_of_nodes_are_shown) {
    auto of = test::sample_status();
    of.nodes.resize(300, of.nodes[0]);
    const auto html = to_html(of);
    expect_well_formed(html);
    EXPECT_LT(html.size(), 2'000'000U);
}

/// The policy forbids what is inline, and the page has none.
TEST(telemetry_status_page, has_no_inline_style_or_script_and_loads_nothing_from_elsewhere) {
    const auto html = to_html(test::sample_status());
    for (const char* forbidden : {" style=", " onclick=", "<style", "javascript:", "http://",
                                  "https://", "<iframe", "<form"}) {
        EXPECT_THAT(html, Not(HasSubstr(forbidden)));
    }
    for (const auto asset : {telemetry::page_css, telemetry::page_js}) {
        EXPECT_GT(asset.size(), 500U);
        EXPECT_THAT(std::string(asset), Not(HasSubstr("://")));
    }
    EXPECT_THAT(std::string(telemetry::page_security_policy), HasSubstr("default-src 'none'"));
    EXPECT_THAT(std::string(telemetry::page_security_policy), Not(HasSubstr("unsafe")));
}

TEST(telemetry_page_html, whatever_has_a_meaning_is_escaped) {
    EXPECT_EQ(telemetry::page::escaped("<a href=\"x\">&'"),
              "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    EXPECT_EQ(telemetry::page::escaped(std::string_view("\0\x1b\x7f\n", 4)), "���\n");
    EXPECT_EQ(telemetry::page::markup("<b>{}</b>", "<").text(), "<b>&lt;</b>");
}

} // namespace
} // namespace roachpin
