#include "settings/mapping.hpp"
#include "settings/nearest.hpp"
#include "settings/reader.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using settings::mapping;

core::result<int> parse_five(std::string_view text) {
    return text == "5" ? core::result<int>(5) : core::error{"not five"};
}

/// Reads `text` with `read` and returns the problems, `finish` included.
template <class Read>
std::string problems(const std::string& text, const Read& read) {
    const auto document = settings::read_yaml(text, "x.yaml");
    EXPECT_TRUE(document) << text;
    settings::reading pass{"x.yaml", [](const auto&) { return std::nullopt; }, {}, {}};
    mapping root(pass, *document);
    read(root);
    root.finish();
    return to_string(pass.problems);
}

TEST(settings_mapping, a_value_keeps_its_default_where_the_key_is_absent_or_bad) {
    int value = 1;
    EXPECT_EQ(problems("{}", [&](mapping& in) { in.value("a", value, parse_five); }), "");
    EXPECT_EQ(value, 1);
    EXPECT_EQ(problems("a: 6", [&](mapping& in) { in.value("a", value, parse_five); }),
              "x.yaml:1: a: not five\n");
    EXPECT_EQ(value, 1);
    EXPECT_EQ(problems("a: 5", [&](mapping& in) { in.value("a", value, parse_five); }), "");
    EXPECT_EQ(value, 5);
}

TEST(settings_mapping, only_an_optional_key_may_be_null) {
    int value = 1;
    EXPECT_EQ(problems("a: ~", [&](mapping& in) { in.optional("a", parse_five); }), "");
    EXPECT_NE(problems("a: ~", [&](mapping& in) { in.value("a", value, parse_five); }), "");
    EXPECT_EQ(problems("a: ~", [&](mapping& in) { in.required("a", parse_five); }),
              "x.yaml:1: a: has no value; it must have one\n");
    EXPECT_EQ(problems("{}", [&](mapping& in) { in.required("a", parse_five); }),
              "x.yaml:1: a: is missing; it must be set\n");
}

TEST(settings_mapping, a_list_reports_each_bad_item_with_its_own_line) {
    std::vector<int> values{1};
    EXPECT_EQ(problems("a:\n  - 5\n  - 6\n  - [5]\n",
                       [&](mapping& in) { in.list("a", values, parse_five); }),
              "x.yaml:3: a[1]: not five\n"
              "x.yaml:4: a[2]: a single value is expected here, not a list\n");
    EXPECT_EQ(values, std::vector<int>{5});
}

TEST(settings_mapping, parsers_may_ask_for_the_place) {
    std::string where;
    const auto parse = [](const settings::scalar& value) {
        return core::result<int>(static_cast<int>(value.where.line));
    };
    std::vector<int> lines;
    EXPECT_EQ(problems("a:\n  - x\n  - y\n", [&](mapping& in) { in.list("a", lines, parse); }), "");
    EXPECT_EQ(lines, (std::vector<int>{2, 3}));
}

TEST(settings_mapping, sections_are_left_with_their_own_unknown_keys) {
    EXPECT_EQ(problems("a: {x: 5, y: 5}\nb: 1\n",
                       [](mapping& in) {
                           in.section("a", [](mapping& inner) { inner.optional("x", parse_five); });
                       }),
              "x.yaml:1: a.y: unknown key; known here: x\n"
              "x.yaml:2: b: unknown key; known here: a\n");
}

TEST(settings_mapping, an_absent_section_is_read_as_an_empty_one) {
    bool was_read = false;
    EXPECT_EQ(problems("{}",
                       [&](mapping& in) {
                           in.section("a", [&](mapping& inner) {
                               was_read = true;
                               EXPECT_FALSE(inner.is_present("x"));
                           });
                       }),
              "");
    EXPECT_TRUE(was_read);
}

TEST(settings_mapping, keys_that_are_names_are_listed_once) {
    std::vector<std::string> names;
    EXPECT_EQ(problems("b.c: {}\na: ~\nb.c: {}\n",
                       [&](mapping& in) {
                           names = in.keys();
                           for (const auto& name : names) {
                               in.required_section(name, [](mapping&) {});
                           }
                       }),
              "x.yaml:2: a: has no value; it must have one\n"
              "x.yaml:3: b.c: the key is there twice, first in line 1; keep one\n");
    EXPECT_EQ(names, (std::vector<std::string>{"b.c", "a"}));
}

TEST(settings_mapping, without_variables_nothing_is_expanded) {
    const auto document = settings::read_yaml("a: ${HOME} ${\n", "x.yaml");
    settings::reading pass{"x.yaml", {}, {}, {}};
    mapping in(pass, *document);
    const auto same = [](std::string_view text) {
        return core::result<std::string>(text);
    };
    EXPECT_EQ(in.optional("a", same), "${HOME} ${");
}

TEST(settings_mapping, one_scalar_may_stand_for_a_list_of_one) {
    std::vector<int> values;
    const auto read = [&](mapping& in) {
        in.list_or_one("a", values, parse_five);
    };
    EXPECT_EQ(problems("a: 5", read), "");
    EXPECT_EQ(values, std::vector<int>{5});
    EXPECT_EQ(problems("a: [5, 5]", read), "");
    EXPECT_EQ(values.size(), 2U);
    EXPECT_EQ(problems("a: 6", read), "x.yaml:1: a: not five\n");
    EXPECT_EQ(problems("a: ~", read),
              "x.yaml:1: a: has no value; write a list ([a, b]), or remove it altogether\n");
}

TEST(settings_mapping, a_doubled_key_is_reported_once_and_the_first_one_counts) {
    int value = 0;
    EXPECT_EQ(problems("a: 5\na: 6\n", [&](mapping& in) { in.value("a", value, parse_five); }),
              "x.yaml:2: a: the key is there twice, first in line 1; keep one\n");
    EXPECT_EQ(value, 5);
}

TEST(settings_mapping, control_characters_do_not_reach_the_terminal) {
    EXPECT_EQ(problems("\"a\\nb\": 1\n", [](mapping&) {}),
              "x.yaml:1: a\\x0ab: unknown key; known here: \n");
}

TEST(settings_nearest, finds_slips_and_nothing_else) {
    const std::vector<std::string> known{"ca_file", "crl_file", "nodes", "tls"};
    using row = std::pair<const char*, std::optional<std::string>>;
    for (const auto& [word, meant] : {
             row{"ca_fiel", "ca_file"},
             row{"cafile", "ca_file"},
             row{"crl-file", "crl_file"},
             row{"node", "nodes"},
             row{"Nodes", "nodes"},
             row{"tsl", std::nullopt},
             row{"tl", std::nullopt},
             row{"", std::nullopt},
             row{"x", std::nullopt},
             row{"zzzzzz", std::nullopt},
             row{"certificate", std::nullopt},
         }) {
        EXPECT_EQ(settings::nearest(word, known), meant) << word;
    }
}

TEST(settings_problem, is_sorted_by_line_and_otherwise_keeps_its_order) {
    std::vector<settings::problem> all{{{"f", 3, "c"}, "1"},
                                       {{"f", 2, "b"}, "2"},
                                       {{"command line", 0, "--x"}, "3"},
                                       {{"f", 2, "a"}, "4"}};
    settings::sort_by_line(all);
    EXPECT_EQ(to_string(all), "command line: --x: 3\nf:2: b: 2\nf:2: a: 4\nf:3: c: 1\n");
}

} // namespace
} // namespace roachpin
