#include "settings/reader.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using settings::entries;
using settings::null_value;
using settings::tree;

tree read(const std::string& text) {
    auto document = settings::read_yaml(text, "x.yaml");
    EXPECT_TRUE(document) << text;
    return document ? *document : tree{};
}

std::string problem(const std::string& text) {
    const auto document = settings::read_yaml(text, "x.yaml");
    return document ? "" : document.error().to_string();
}

const settings::entry& field(const tree& node, std::size_t index) {
    return std::get<entries>(node.content).at(index);
}

TEST(settings_reader, keeps_order_doubles_and_lines) {
    const auto document = read("b: 1\n\na:\n  - x\n  - y\nb:\n  2\n");
    ASSERT_EQ(std::get<entries>(document.content).size(), 3U);
    EXPECT_EQ(field(document, 0).key, "b");
    EXPECT_EQ(field(document, 1).line, 3U);
    const auto& items = std::get<std::vector<tree>>(field(document, 1).value.content);
    EXPECT_EQ(items.at(1).line, 5U);
    EXPECT_EQ(std::get<std::string>(items.at(1).content), "y");
    EXPECT_EQ(field(document, 2).key, "b");
    EXPECT_EQ(field(document, 2).line, 6U);
    EXPECT_EQ(field(document, 2).value.line, 7U);
}

TEST(settings_reader, tells_null_from_text) {
    const auto document = read("a: ~\nb: '~'\nc:\nd: ''\ne: null\n");
    EXPECT_TRUE(std::holds_alternative<null_value>(field(document, 0).value.content));
    EXPECT_EQ(std::get<std::string>(field(document, 1).value.content), "~");
    EXPECT_TRUE(std::holds_alternative<null_value>(field(document, 2).value.content));
    EXPECT_EQ(std::get<std::string>(field(document, 3).value.content), "");
    EXPECT_TRUE(std::holds_alternative<null_value>(field(document, 4).value.content));
}

TEST(settings_reader, puts_copies_for_aliases) {
    const auto document = read("a: &x [1, 2]\nb: *x\n");
    EXPECT_EQ(std::get<std::vector<tree>>(field(document, 1).value.content).size(), 2U);
    EXPECT_EQ(field(document, 1).value.line, 2U);
}

TEST(settings_reader, ignores_tags) {
    const auto document = read("a: !!int \"5\"\nb: !mine x\n");
    EXPECT_EQ(std::get<std::string>(field(document, 0).value.content), "5");
    EXPECT_EQ(std::get<std::string>(field(document, 1).value.content), "x");
}

TEST(settings_reader, reads_a_document_with_marks_around_it) {
    EXPECT_EQ(field(read("---\na: 1\n...\n"), 0).key, "a");
    EXPECT_EQ(field(read("%YAML 1.2\n---\na: 1\n"), 0).key, "a");
    EXPECT_EQ(field(read("\xef\xbb\xbf"
                         "a: 1\n"),
                    0)
                  .key,
              "a");
}

TEST(settings_reader, reports_the_line_of_broken_text) {
    EXPECT_EQ(problem("a: 1\nb: [\n"),
              "x.yaml:3: this is not YAML (column 1): end of sequence flow not found");
    EXPECT_EQ(problem("a: b: c\n"), "x.yaml:1: this is not YAML (column 5): illegal map value");
}

TEST(settings_reader, refuses_more_than_one_document) {
    EXPECT_EQ(problem("a: 1\n---\nb: 2\n"),
              "x.yaml:3: a second YAML document starts; a file holds only one");
}

TEST(settings_reader, refuses_what_grows_without_bound) {
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
    for (char name = 'b'; name <= 'i'; ++name) {
        std::string aliases;
        for (int count = 0; count < 10; ++count) {
            aliases += std::string(count == 0 ? "" : ", ") + "*" + static_cast<char>(name - 1);
        }
        bomb += std::string(1, name) + ": &" + name + " [" + aliases + "]\n";
    }
    EXPECT_NE(problem(bomb).find("too many values"), std::string::npos);
    EXPECT_NE(problem("a: &a [*a]\n"), "");
    EXPECT_NE(problem(std::string(100'000, '[')), "");
    EXPECT_NE(problem(std::string(100'000, '{')), "");
    std::string many = "a: [x";
    for (int count = 0; count < 100'000; ++count) {
        many += ",x";
    }
    EXPECT_NE(problem(many + "]\n"), "");
}

/// Few values, and more text than any file may have.
TEST(settings_reader, refuses_aliases_that_repeat_a_long_text) {
    struct row {
        std::string anchored;
        int aliases;
    };

    const std::string longest_key(1000, 'x');
    for (const auto& [anchored, aliases] :
         {row{std::string(500'000, 'x'), 20}, row{"{" + longest_key + ": x}", 5000}}) {
        std::string text = "a: &a " + anchored + "\nb: [*a";
        for (int count = 0; count < aliases; ++count) {
            text += ", *a";
        }
        EXPECT_EQ(problem(text + "]\n"), "x.yaml:2: the document is larger than 4 MiB with what "
                                         "its aliases repeat");
    }
}

} // namespace
} // namespace roachpin
