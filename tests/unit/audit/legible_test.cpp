#include "audit/catalogue.hpp"
#include "audit/legible.hpp"
#include "audit/verdict.hpp"
#include "audit/write_report.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using audit::legible;

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
