#include "settings/mapping.hpp"

#include "settings/nearest.hpp"

#include <algorithm>

namespace roachpin::settings {
namespace {

const entries no_entries;

std::string described(const tree& node) {
    if (const auto* text = std::get_if<std::string>(&node.content)) {
        return "\"" + *text + "\"";
    }
    return std::holds_alternative<entries>(node.content) ? "a mapping" : "a list";
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

} // namespace

mapping::mapping(reading& pass, const tree& document)
    : pass_(&pass), fields_(&no_entries), where_{pass.file, document.line, ""} {
    if (const auto* fields = fields_of(document, where_)) {
        fields_ = fields;
    }
}

place mapping::place_of(std::string_view key) const {
    if (const auto flag = pass_->replaced.find(path_of(key)); flag != pass_->replaced.end()) {
        return flag->second.where;
    }
    const auto* found = peek(key);
    return {pass_->file, found == nullptr ? where_.line : found->line, path_of(key)};
}

bool mapping::is_present(std::string_view key) const {
    return peek(key) != nullptr;
}

bool mapping::has_value(std::string_view key) const {
    const auto* found = peek(key);
    return found != nullptr && !std::holds_alternative<null_value>(found->value.content);
}

bool mapping::is_empty_list(std::string_view key) const {
    const auto* found = peek(key);
    const auto* list =
        found == nullptr ? nullptr : std::get_if<std::vector<tree>>(&found->value.content);
    return list != nullptr && list->empty();
}

std::vector<std::string> mapping::keys() const {
    std::vector<std::string> all;
    for (const auto& field : *fields_) {
        if (std::find(all.begin(), all.end(), field.key) == all.end()) {
            all.push_back(field.key);
        }
    }
    return all;
}

const entry* mapping::peek(std::string_view key) const {
    const auto found = std::find_if(fields_->begin(), fields_->end(),
                                    [&](const entry& field) { return field.key == key; });
    return found == fields_->end() ? nullptr : &*found;
}

const entry* mapping::find(std::string_view key) {
    known_.emplace_back(key);
    return peek(key);
}

bool mapping::demand(std::string_view key) {
    if (has_value(key) || pass_->replaced.contains(path_of(key))) {
        return true;
    }
    known_.emplace_back(key);
    complain(key,
             is_present(key) ? "has no value; it must have one" : "is missing; it must be set");
    return false;
}

std::optional<scalar> mapping::text(std::string_view key, null_is meaning) {
    const auto* found = find(key);
    if (const auto flag = pass_->replaced.find(path_of(key)); flag != pass_->replaced.end()) {
        return flag->second;
    }
    if (found == nullptr || (meaning == null_is::absence && !has_value(key))) {
        return std::nullopt;
    }
    return text_of(found->value, place_of(key));
}

std::optional<scalar> mapping::text_of(const tree& node, const place& there) {
    const auto* raw = std::get_if<std::string>(&node.content);
    if (raw == nullptr) {
        refuse(there, "a single value", node);
        return std::nullopt;
    }
    if (!pass_->variables) {
        return scalar{*raw, there};
    }
    auto expanded = expand(*raw, pass_->variables);
    if (!expanded) {
        pass_->complain(there, expanded.error().sentence);
        return std::nullopt;
    }
    return scalar{std::move(*expanded), there};
}

const std::vector<tree>* mapping::items(std::string_view key) {
    const auto* found = find(key);
    if (found == nullptr) {
        return nullptr;
    }
    const auto* list = std::get_if<std::vector<tree>>(&found->value.content);
    if (list == nullptr) {
        refuse(place_of(key), "a list ([a, b])", found->value);
    }
    return list;
}

const entries* mapping::fields_of(const tree& node, const place& there) {
    const auto* fields = std::get_if<entries>(&node.content);
    if (fields == nullptr) {
        refuse(there, "a mapping (key: value)", node);
    }
    return fields;
}

void mapping::refuse(const place& there, std::string_view expected, const tree& found) {
    if (std::holds_alternative<null_value>(found.content)) {
        pass_->complain(there, "has no value; write " + std::string(expected) +
                                   ", or remove it altogether");
    } else {
        pass_->complain(there,
                        std::string(expected) + " is expected here, not " + described(found));
    }
}

place mapping::place_of_item(std::string_view key, std::size_t index, const tree& item) const {
    return {pass_->file, item.line, path_of(key) + "[" + std::to_string(index) + "]"};
}

std::string mapping::path_of(std::string_view key) const {
    return where_.path.empty() ? std::string(key) : where_.path + "." + std::string(key);
}

void mapping::finish() {
    std::map<std::string_view, std::size_t> first_line;
    for (const auto& field : *fields_) {
        const auto [earlier, is_first] = first_line.emplace(field.key, field.line);
        if (!is_first) {
            pass_->complain({pass_->file, field.line, path_of(field.key)},
                            "the key is there twice, first in line " +
                                std::to_string(earlier->second) + "; keep one");
        } else if (std::find(known_.begin(), known_.end(), field.key) == known_.end()) {
            report_unknown(field);
        }
    }
}

void mapping::report_unknown(const entry& field) {
    const auto meant = nearest(field.key, known_);
    const auto hint = meant ? "did you mean \"" + *meant + "\"?" : "known here: " + joined(known_);
    pass_->complain({pass_->file, field.line, path_of(field.key)}, "unknown key; " + hint);
}

} // namespace roachpin::settings
