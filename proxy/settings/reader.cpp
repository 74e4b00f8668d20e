#include "settings/reader.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace roachpin::settings {
namespace {

/// A file with a thousand nodes of ten lines each has fewer.
constexpr std::size_t most_values = 100'000;

/// The file has at most one MiB; aliases may repeat a little of it.
constexpr std::size_t most_octets = 4UL * 1024 * 1024;

/// The deepest key of ours is at five.
constexpr std::size_t most_levels = 32;

/// Ends the reading from inside yaml-cpp's callbacks; does not leave this file.
struct refusal {
    std::size_t line;
    std::string sentence;
};

std::size_t line_of(const YAML::Mark& mark) {
    return mark.is_null() ? 0 : static_cast<std::size_t>(mark.line) + 1;
}

struct extent {
    std::size_t values = 1;
    std::size_t levels = 1;
    std::size_t octets = 0; ///< of texts
};

void add_child(extent& parent, const extent& child) {
    parent.values += child.values;
    parent.octets += child.octets;
    parent.levels = std::max(parent.levels, child.levels + 1);
}

extent measure(const tree& node) {
    extent all;
    if (const auto* items = std::get_if<std::vector<tree>>(&node.content)) {
        for (const auto& item : *items) {
            add_child(all, measure(item));
        }
    } else if (const auto* fields = std::get_if<entries>(&node.content)) {
        for (const auto& field : *fields) {
            add_child(all, measure(field.value));
            all.octets += field.key.size();
        }
    } else if (const auto* text = std::get_if<std::string>(&node.content)) {
        all.octets = text->size();
    }
    return all;
}

/// Builds the tree from the parser's events rather than from YAML::Node, which forgets where nulls
/// and keys stand and lets an alias make a cycle.
class tree_builder final : public YAML::EventHandler {
public:
    tree take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& /*mark*/) override {}

    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        count({}, line_of(mark));
        add({null_value{}, line_of(mark)}, anchor);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  const std::string& value) override {
        count({.octets = value.size()}, line_of(mark));
        add({value, line_of(mark)}, anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto target = anchored_.find(anchor);
        if (target == anchored_.end()) {
            throw refusal{line_of(mark), "an alias stands inside of what it is an alias for"};
        }
        // Before it is copied, so that memory stays within the limit as well.
        count(measure(target->second), line_of(mark));
        auto copied = target->second;
        copied.line = line_of(mark);
        add(std::move(copied), YAML::NullAnchor);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        open({std::vector<tree>{}, line_of(mark)}, anchor);
    }

    void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        open({entries{}, line_of(mark)}, anchor);
    }

    void OnSequenceEnd() override { close(); }

    void OnMapEnd() override { close(); }

private:
    struct unfinished {
        tree node;
        YAML::anchor_t anchor;
        std::optional<entry> awaiting_value; ///< of a mapping: the key that was read last
    };

    void open(tree node, YAML::anchor_t anchor) {
        count({}, node.line);
        open_.push_back({std::move(node), anchor, std::nullopt});
    }

    void close() {
        auto done = std::move(open_.back());
        open_.pop_back();
        add(std::move(done.node), done.anchor);
    }

    void add(tree node, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) {
            anchored_[anchor] = node;
        }
        if (open_.empty()) {
            root_ = std::move(node);
        } else if (auto* items = std::get_if<std::vector<tree>>(&open_.back().node.content)) {
            items->push_back(std::move(node));
        } else {
            add_to_mapping(open_.back(), std::move(node));
        }
    }

    static void add_to_mapping(unfinished& mapping, tree node) {
        if (mapping.awaiting_value) {
            mapping.awaiting_value->value = std::move(node);
            std::get<entries>(mapping.node.content).push_back(std::move(*mapping.awaiting_value));
            mapping.awaiting_value.reset();
        } else if (auto* key = std::get_if<std::string>(&node.content)) {
            mapping.awaiting_value = entry{std::move(*key), node.line, {}};
        } else {
            throw refusal{node.line, "a key is not plain text; write `name: value`"};
        }
    }

    void count(const extent& added, std::size_t line) {
        values_ += added.values;
        octets_ += added.octets;
        if (values_ > most_values || open_.size() + added.levels > most_levels) {
            throw refusal{line, "the document is nested too deeply or has too many values"};
        }
        if (octets_ > most_octets) {
            throw refusal{line, "the document is larger than 4 MiB with what its aliases repeat"};
        }
    }

    tree root_;
    std::vector<unfinished> open_;
    std::map<YAML::anchor_t, tree> anchored_;
    std::size_t values_ = 0;
    std::size_t octets_ = 0;
};

tree read_only_document(const std::string& text, const std::string& needs) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    tree_builder builder;
    if (!parser.HandleNextDocument(builder)) {
        throw refusal{0, "the file is empty; it needs at least " + needs};
    }
    auto first = builder.take();
    tree_builder second;
    if (parser.HandleNextDocument(second)) {
        throw refusal{second.take().line, "a second YAML document starts; a file holds only one"};
    }
    return first;
}

} // namespace

boost::system::result<tree, problem> read_yaml(const std::string& text, const std::string& file,
                                               const std::string& needs) {
    try {
        return read_only_document(text, needs);
    } catch (const refusal& refused) {
        return problem{{file, refused.line, ""}, refused.sentence};
    } catch (const YAML::Exception& broken) {
        return problem{{file, line_of(broken.mark), ""},
                       "this is not YAML (column " + std::to_string(broken.mark.column + 1) +
                           "): " + broken.msg};
    }
}

} // namespace roachpin::settings
