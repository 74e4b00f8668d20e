#include "audit/catalogue.hpp"
#include "audit/legible.hpp"
#include "audit/verdict.hpp"
#include "audit/write_report.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using audit::legible;
using testing::HasSubstr;
using testing::Not;

TEST(audit_legible, what_people_write_stays_as_it_is) {
    for (const auto* text : {"", "roachpin.yaml", "/home/j\u00fcrgen/\u8a2d\u5b9a.yaml", "\u00a0",
                             "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff", "\\x1b[2J", "a\\b"}) {
        EXPECT_EQ(legible(text), text);
    }
}

TEST(audit_legible, nothing_that_moves_a_cursor_is_left) {
    EXPECT_EQ(legible("a\nb\x1b[2J\x7f"), "a\\x0ab\\x1b[2J\\x7f");
    EXPECT_EQ(legible("\u009b2J"), "\\xc2\\x9b2J"); // CSI in one character
    EXPECT_EQ(legible(std::string_view("\0", 1)), "\\x00");
    EXPECT_EQ(legible("\uffff"), "\\xef\\xbf\\xbf");
}

TEST(audit_legible, what_is_no_utf_8_becomes_ascii) {
    const auto is_ascii = [](const std::string& text) {
        return text.find_first_not_of("\\x0123456789abcdef") == std::string::npos;
    };
    for (const auto* text : {
             "\xff", "\xf8\x88\x80\x80\x80", "\x80",             // no beginning of anything
             "\xc3", "\xe2\x82", "\xf0\x9f\x92",                 // cut short
             "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",     // longer than need be
             "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", // surrogates, beyond U+10FFFF
         }) {
        EXPECT_PRED1(is_ascii, legible(text));
    }
    EXPECT_EQ(legible("j\xfcrgen"), "j\\xfcrgen"); // Latin-1
    EXPECT_EQ(legible("\xc3(\xc3\xbc"), "\\xc3(\u00fc");
}

/// The names of the configuration, and of a key beside it, are in a folder that no UTF-8 names.
audit::report in_an_odd_folder() {
    audit::report made{.file = "j\xfcrgen\x1b[2J/roachpin.yaml"};
    made.steps = {{"configuration", "", "", true, "j\xfcrgen"}};
    made.findings = {audit::make_finding("CFG-KEY-PERMISSIONS", "", "listeners[0].tls.key_file", 3,
                                         "j\xfcrgen/local.key holds a private key")};
    made.findings[0].suppressed = "j\xfcrgen says so";
    made.unfinished = {"j\xfcrgen"};
    return made;
}

TEST(audit_legible, every_form_of_a_report_is_utf_8_without_control_characters) {
    const auto from = in_an_odd_folder();
    for (auto text : {write_text(from, false), write_json(from, "0.1.0"),
                      write_sarif(from, "0.1.0"), write_junit(from, audit::severity::high)}) {
        std::erase(text, '\n');
        EXPECT_EQ(legible(text), text);
    }
    // Boost.JSON's reader demands UTF-8.
    EXPECT_EQ(boost::json::parse(write_json(from, "0.1.0")).at("meta").at("configuration"),
              "j\\xfcrgen\\x1b[2J/roachpin.yaml");
    const auto log = boost::json::parse(write_sarif(from, "0.1.0"));
    const auto& location = log.at("runs").at(0).at("results").at(0).at("locations").at(0);
    EXPECT_EQ(location.at("physicalLocation").at("artifactLocation").at("uri"),
              "j%FCrgen%1B%5B2J/roachpin.yaml"); // a URI names octets: the file can be found by it
}

TEST(audit_legible, a_finding_is_known_again_whatever_octets_it_has) {
    auto from = in_an_odd_folder();
    from.findings[0].subject = "j\xfcrgen";
    from.findings[0].suppressed.reset();
    apply_baseline(from, audit::read_baseline(write_json(from, "0.1.0")).value());
    EXPECT_TRUE(from.findings[0].known);
}

} // namespace
} // namespace roachpin
