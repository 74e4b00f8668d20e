#pragma once

#include "core/error.hpp"
#include "settings/expand.hpp"
#include "settings/problem.hpp"
#include "settings/tree.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace roachpin::settings {

/// A value's text after expansion, and where it was written.
struct scalar {
    std::string text;
    place where;
};

/// What one pass over a document knows and gathers.
struct reading {
    std::string file;
    environment variables; ///< none at all: `${` in a value is itself
    /// By path: flags that stand in for values.
    std::map<std::string, scalar, std::less<>> replaced;
    std::vector<problem> problems;

    void complain(place where, std::string sentence) {
        problems.push_back({std::move(where), std::move(sentence)});
    }
};

/// Value parsers are functions of a text (`core::host_name::parse`), or of a `scalar` where they
/// need to know the place; they return core::result.
template <class Parser>
auto apply(const Parser& parse, const scalar& value) {
    if constexpr (std::is_invocable_v<Parser, const scalar&>) {
        return parse(value);
    } else {
        return parse(std::string_view(value.text));
    }
}

template <class Parser>
using parsed_by = typename decltype(apply(std::declval<const Parser&>(),
                                          std::declval<const scalar&>()))::value_type;

/// A cursor on one mapping of the document. Nothing throws: problems go to the `reading`, which
/// makes the whole file invalid, so that a caller may go on with a default and find more of them.
/// Every key that was asked for is known; `finish` reports the others.
class mapping {
public:
    /// The whole document; where it is no mapping, this is a problem and there are no keys.
    mapping(reading& pass, const tree& document);

    /// Where the mapping itself stands.
    const place& where() const { return where_; }

    reading& pass() { return *pass_; }

    /// Where `key` stands; where it is absent, where it would belong.
    place place_of(std::string_view key) const;

    /// Whether `key` is there, be it with `~`.
    bool is_present(std::string_view key) const;

    /// Whether `key` has a value other than `~`.
    bool has_value(std::string_view key) const;

    bool is_empty_list(std::string_view key) const;

    /// Where the keys are names of things: those of the file, in its order, each once.
    std::vector<std::string> keys() const;

    void complain(std::string_view key, std::string sentence) {
        pass_->complain(place_of(key), std::move(sentence));
    }

    /// A key with a default: `out` stays as it is where the key is absent. `~` is a problem.
    /// Returns whether there was none.
    template <class T, class Parser>
    bool value(std::string_view key, T& out, const Parser& parse) {
        const auto before = pass_->problems.size();
        if (auto parsed = convert(text(key, null_is::problem), parse)) {
            out = std::move(*parsed);
        }
        return pass_->problems.size() == before;
    }

    /// A key whose default is `~`.
    template <class Parser>
    std::optional<parsed_by<Parser>> optional(std::string_view key, const Parser& parse) {
        return convert(text(key, null_is::absence), parse);
    }

    /// A key without a default. Empty only where a problem was reported.
    template <class Parser>
    std::optional<parsed_by<Parser>> required(std::string_view key, const Parser& parse) {
        if (!demand(key)) {
            return std::nullopt;
        }
        return convert(text(key, null_is::problem), parse);
    }

    /// A list of scalars; `out` stays as it is where the key is absent.
    template <class T, class Parser>
    void list(std::string_view key, std::vector<T>& out, const Parser& parse) {
        const auto* found = items(key);
        if (found == nullptr) {
            return;
        }
        out.clear();
        for (std::size_t index = 0; index < found->size(); ++index) {
            const auto& item = (*found)[index];
            const auto there = place_of_item(key, index, item);
            if (auto parsed = convert(text_of(item, there), parse)) {
                out.push_back(std::move(*parsed));
            }
        }
    }

    /// A list of scalars, or one scalar for a list of one.
    template <class T, class Parser>
    void list_or_one(std::string_view key, std::vector<T>& out, const Parser& parse) {
        const auto* found = peek(key);
        if (found == nullptr || !std::holds_alternative<std::string>(found->value.content)) {
            list(key, out, parse);
        } else if (auto one = optional(key, parse)) {
            out = {std::move(*one)};
        }
    }

    /// A list of mappings, never empty; `read` is called for each of them.
    template <class Read>
    void required_sections(std::string_view key, const Read& read) {
        if (demand(key)) {
            sections(key, read);
        }
        if (is_empty_list(key)) {
            complain(key, "the list is empty; it needs at least one entry");
        }
    }

    /// The same, which may be empty or absent.
    template <class Read>
    void sections(std::string_view key, const Read& read) {
        const auto* found = items(key);
        for (std::size_t index = 0; found != nullptr && index < found->size(); ++index) {
            enter((*found)[index], place_of_item(key, index, (*found)[index]), read);
        }
    }

    /// A mapping of which all keys have defaults: where it is absent, `read` sees an empty one.
    template <class Read>
    void section(std::string_view key, const Read& read) {
        const auto* found = find(key);
        if (found != nullptr) {
            enter(found->value, place_of(key), read);
        } else {
            enter(tree{entries{}, where_.line}, place_of(key), read);
        }
    }

    /// A mapping whose default is `~`.
    template <class Read>
    void optional_section(std::string_view key, const Read& read) {
        if (const auto* found = find(key); found != nullptr && has_value(key)) {
            enter(found->value, place_of(key), read);
        }
    }

    template <class Read>
    void required_section(std::string_view key, const Read& read) {
        if (demand(key)) {
            enter(find(key)->value, place_of(key), read);
        }
    }

    /// Reports keys that nothing asked for, and keys that stand there twice.
    void finish();

private:
    enum class null_is : std::uint8_t { absence, problem };

    mapping(reading& pass, const entries& fields, place where)
        : pass_(&pass), fields_(&fields), where_(std::move(where)) {}

    template <class Read>
    void enter(const tree& node, const place& there, const Read& read) {
        if (const auto* fields = fields_of(node, there)) {
            mapping inner(*pass_, *fields, there);
            read(inner);
            inner.finish();
        }
    }

    template <class Parser>
    std::optional<parsed_by<Parser>> convert(const std::optional<scalar>& value,
                                             const Parser& parse) {
        if (!value) {
            return std::nullopt;
        }
        auto parsed = apply(parse, *value);
        if (!parsed) {
            pass_->complain(value->where, parsed.error().sentence);
            return std::nullopt;
        }
        return std::move(*parsed);
    }

    const entry* find(std::string_view key);
    const entry* peek(std::string_view key) const;
    bool demand(std::string_view key);
    std::optional<scalar> text(std::string_view key, null_is meaning);
    std::optional<scalar> text_of(const tree& node, const place& there);
    void refuse(const place& there, std::string_view expected, const tree& found);
    const std::vector<tree>* items(std::string_view key);
    const entries* fields_of(const tree& node, const place& there);
    place place_of_item(std::string_view key, std::size_t index, const tree& item) const;
    std::string path_of(std::string_view key) const;
    void report_unknown(const entry& field);

    reading* pass_;
    const entries* fields_;
    place where_;
    std::vector<std::string> known_;
};

} // namespace roachpin::settings
