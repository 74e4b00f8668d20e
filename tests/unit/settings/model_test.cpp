#include "settings/model.hpp"
#include "settings/problem.hpp"

#include <gtest/gtest.h>

namespace roachpin::settings {
namespace {

TEST(settings_model, finds_the_line_of_a_place) {
    EXPECT_EQ(line_of("roachpin.yaml:12: cluster.ca_file"), 12U);
    EXPECT_EQ(line_of("a: b:7.yaml:3: cluster.nodes[0]"), 3U);
    EXPECT_EQ(line_of("command line: listen"), 1U);
    EXPECT_EQ(line_of("roachpin.yaml"), 1U);
    EXPECT_EQ(line_of(": x"), 1U);
    EXPECT_EQ(line_of(""), 1U);
}

TEST(settings_model, finds_the_key_of_a_place) {
    EXPECT_EQ(key_of("roachpin.yaml:12: cluster.ca_file"), "cluster.ca_file");
    EXPECT_EQ(key_of("a: b:7.yaml:3: cluster.nodes[0]"), "cluster.nodes[0]");
    EXPECT_EQ(key_of("command line: listen"), "listen");
    EXPECT_EQ(key_of("roachpin.yaml"), "roachpin.yaml");
}

TEST(settings_model, finds_again_what_a_place_was_written_with) {
    const auto text = place{"a: b:7.yaml", 12, "cluster.ca_file"}.to_string();
    EXPECT_EQ(line_of(text), 12U);
    EXPECT_EQ(key_of(text), "cluster.ca_file");
}

} // namespace
} // namespace roachpin::settings
