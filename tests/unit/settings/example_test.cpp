#include "settings/reader.hpp"
#include "unit/settings/configuration_folder.hpp"
#include "unit/settings/example_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

/// The parser, the example, the schema and the reference say the same.
namespace roachpin {
namespace {

using settings::entries;
using settings::tree;
using test::content_of;
using test::lines_of;
using test::whole_example;
using test::word_characters;

/// "listeners[0].tls" without its numbers: "listeners[].tls".
std::string without_indices(std::string path) {
    for (auto at = path.find('['); at != std::string::npos; at = path.find('[', at + 1)) {
        path.erase(at + 1, path.find(']', at) - at - 1);
    }
    return path;
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (true) {
        text.remove_prefix(std::min(text.find_first_of(word_characters), text.size()));
        if (text.empty()) {
            return words;
        }
        const auto length = std::min(text.find_first_not_of(word_characters), text.size());
        words.emplace_back(text.substr(0, length));
        text.remove_prefix(length);
    }
}

/// JSON is YAML: one reader does for both.
tree read(const std::string& text) {
    auto document = settings::read_yaml(text, "document");
    EXPECT_TRUE(document) << document.error().to_string();
    return document ? *document : tree{entries{}, 0};
}

const tree* find(const tree& node, std::string_view key) {
    if (const auto* fields = std::get_if<entries>(&node.content)) {
        for (const auto& field : *fields) {
            if (field.key == key) {
                return &field.value;
            }
        }
    }
    return nullptr;
}

std::string below(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
}

using keys = std::set<std::string>;

void add_keys_of_document(const tree& node, const std::string& path, keys& found) {
    if (const auto* fields = std::get_if<entries>(&node.content)) {
        for (const auto& field : *fields) {
            found.insert(below(path, field.key));
            add_keys_of_document(field.value, below(path, field.key), found);
        }
    } else if (const auto* items = std::get_if<std::vector<tree>>(&node.content)) {
        for (const auto& item : *items) {
            add_keys_of_document(item, path + "[]", found);
        }
    }
}

/// Follows "#/$defs/name".
const tree& resolved(const tree& schema, const tree& node) {
    const auto* reference = find(node, "$ref");
    if (reference == nullptr) {
        return node;
    }
    const auto text = std::get<std::string>(reference->content);
    return *find(*find(schema, "$defs"), text.substr(text.rfind('/') + 1));
}

/// Calls `visit(path, property)` for each property, before references are followed.
template <class Visit>
void for_each_property(const tree& schema, const tree& node, const std::string& path,
                       const Visit& visit) {
    const auto& here = resolved(schema, node);
    if (const auto* items = find(here, "items")) {
        for_each_property(schema, *items, path + "[]", visit);
    }
    if (const auto* choices = find(here, "anyOf")) {
        for (const auto& choice : std::get<std::vector<tree>>(choices->content)) {
            for_each_property(schema, choice, path, visit);
        }
    }
    if (const auto* properties = find(here, "properties")) {
        EXPECT_NE(find(here, "additionalProperties"), nullptr) << path;
        EXPECT_EQ(std::get<std::string>(find(here, "additionalProperties")->content), "false");
        for (const auto& property : std::get<entries>(properties->content)) {
            visit(below(path, property.key), property.value);
            for_each_property(schema, property.value, below(path, property.key), visit);
        }
    }
}

keys keys_of_schema() {
    const auto schema = read(content_of("schema/roachpin.schema.json"));
    keys found;
    for_each_property(schema, schema, "",
                      [&](const std::string& path, const tree&) { found.insert(path); });
    return found;
}

/// Rows of the reference begin with "| `key`".
keys keys_of_reference() {
    constexpr std::string_view start = "| `";
    keys found;
    for (const auto& line : lines_of(content_of("README.md"))) {
        if (line.starts_with(start)) {
            found.insert(line.substr(start.size(), line.find('`', start.size()) - start.size()));
        }
    }
    return found;
}

/// The parser lists the keys it knows when it meets one that it does not.
keys keys_of_parser() {
    const test::configuration_folder folder;
    const auto text = folder.problems(
        "zzzzzz: 1\n"
        "listeners: [{bind: 127.0.0.1:1, zzzzzz: 1, tls: {auto: true, zzzzzz: 1}}]\n"
        "cluster:\n  ca_file: ca.crt\n  zzzzzz: 1\n"
        "  nodes: [{host: a, addresses: [10.1.2.3], zzzzzz: 1}]\n"
        "timeouts: {zzzzzz: 1}\nkeepalive: {zzzzzz: 1}\ndrain: {zzzzzz: 1}\n"
        "limits: {zzzzzz: 1}\nlog: {zzzzzz: 1}\nresolver: {zzzzzz: 1}\nlock: {zzzzzz: 1}\n"
        "health: {zzzzzz: 1, http: {zzzzzz: 1}}\nspares: {zzzzzz: 1}\n"
        "lifetime: {zzzzzz: 1}\nadmin: {zzzzzz: 1}\n"
        "suppress: [{id: DNS-NODATA, reason: r, expires: 2030-12-31, zzzzzz: 1}]\n");
    const std::string unknown = "zzzzzz: unknown key; known here: ";
    keys found;
    for (const auto& line : lines_of(text)) {
        const auto path = line.find(": ") + 2;
        const auto end = line.find(unknown);
        if (end == std::string::npos) {
            ADD_FAILURE() << line;
            continue;
        }
        const auto section = without_indices(line.substr(path, end - path));
        for (const auto& word : words_of(line.substr(end + unknown.size()))) {
            found.insert(section + word);
        }
    }
    return found;
}

TEST(settings_example, is_a_configuration) {
    const test::configuration_folder folder;
    EXPECT_EQ(folder.problems(content_of("roachpin.yaml")), "");
    EXPECT_EQ(folder.problems(whole_example()), "");
    EXPECT_NE(whole_example(), content_of("roachpin.yaml"));
}

TEST(settings_example, has_every_key_that_the_parser_knows) {
    keys found;
    add_keys_of_document(read(whole_example()), "", found);
    EXPECT_EQ(found, keys_of_parser());
}

TEST(settings_schema, has_every_key_that_the_parser_knows) {
    EXPECT_GE(keys_of_parser().size(), 40U);
    EXPECT_EQ(keys_of_schema(), keys_of_parser());
}

TEST(settings_reference, has_every_key_that_the_parser_knows) {
    EXPECT_EQ(keys_of_reference(), keys_of_parser());
}

/// A scalar or a list of them, as text; empty where it is neither.
std::string as_text(const tree& node) {
    if (const auto* text = std::get_if<std::string>(&node.content)) {
        return *text;
    }
    std::string text;
    if (const auto* items = std::get_if<std::vector<tree>>(&node.content)) {
        for (const auto& item : *items) {
            text += as_text(item) + ",";
        }
    }
    return text;
}

/// The value in the document, of the first item where the path goes through a list.
const tree* at_path(const tree& document, const std::string& path) {
    const auto* node = &document;
    for (const auto& key : words_of(path)) {
        if (const auto* items = std::get_if<std::vector<tree>>(&node->content)) {
            node = &items->at(0);
        }
        node = find(*node, key);
        if (node == nullptr) {
            return nullptr;
        }
    }
    return node;
}

TEST(settings_schema, has_the_defaults_of_the_example) {
    const auto schema = read(content_of("schema/roachpin.schema.json"));
    const auto example = read(content_of("roachpin.yaml"));
    for_each_property(schema, schema, "", [&](const std::string& path, const tree& property) {
        const auto* standard = find(property, "default");
        const auto* shown = at_path(example, path);
        const bool is_shown_otherwise = path == "listeners[].tls" ||
                                        path == "listeners[].tls.auto" ||
                                        path == "resolver.servers" || path == "suppress";
        if (standard != nullptr && shown != nullptr && !is_shown_otherwise) {
            EXPECT_EQ(as_text(*standard), as_text(*shown)) << path;
        }
    });
}

} // namespace
} // namespace roachpin
