#include "settings/expand.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace roachpin {
namespace {

std::optional<std::string> variables(const std::string& name) {
    if (name == "HOST") {
        return "crdb";
    }
    if (name == "_low3r") {
        return "${HOST}";
    }
    return name == "EMPTY" ? std::optional<std::string>("") : std::nullopt;
}

TEST(settings_expand, replaces_each_reference_once) {
    struct row {
        const char* text;
        const char* expanded;
    };

    for (const auto& [text, expanded] : {
             row{"", ""},
             row{"plain", "plain"},
             row{"${HOST}", "crdb"},
             row{"a-${HOST}.${HOST}-z", "a-crdb.crdb-z"},
             row{"${EMPTY}", ""},
             row{"${EMPTY:-default}", "default"},
             row{"${ABSENT:-default}", "default"},
             row{"${ABSENT:-}", ""},
             row{"${ABSENT:-a:-b}", "a:-b"},
             row{"${HOST:-default}", "crdb"},
             row{"${_low3r}", "${HOST}"},
             row{"$HOST", "$HOST"},
             row{"$", "$"},
             row{"a$$b}", "a$$b}"},
             row{"$${HOST}", "$crdb"},
         }) {
        const auto result = settings::expand(text, variables);
        ASSERT_TRUE(result) << text;
        EXPECT_EQ(*result, expanded) << text;
    }
}

TEST(settings_expand, refuses_what_it_cannot_resolve) {
    for (const auto* text :
         {"${ABSENT}", "${", "${HOST", "a${HOST:-x", "${}", "${:-x}", "${1A}", "${A B}", "${A-x}",
          "${HOST }", "${ABSENT:-${HOST}}", "${HOST:-${X}}", "${HOST}${ABSENT}"}) {
        EXPECT_FALSE(settings::expand(text, variables)) << text;
    }
}

TEST(settings_expand, the_process_environment_is_the_process_environment) {
    const auto environment = settings::process_environment();
    EXPECT_EQ(environment("ROACHPIN_TEST_THAT_IS_NOT_SET"), std::nullopt);
    // NOLINTBEGIN(concurrency-mt-unsafe): this test has one thread
    ASSERT_EQ(::setenv("ROACHPIN_TEST_THAT_IS_SET", "x", 1), 0);
    EXPECT_EQ(environment("ROACHPIN_TEST_THAT_IS_SET"), "x");
    ::unsetenv("ROACHPIN_TEST_THAT_IS_SET");
    // NOLINTEND(concurrency-mt-unsafe)
}

} // namespace
} // namespace roachpin
