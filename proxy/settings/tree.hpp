#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace roachpin::settings {

struct tree;
struct entry;

/// `~`, `null` or nothing at all.
struct null_value {};

/// The entries in the file's order, doubled keys included.
using entries = std::vector<entry>;

/// A YAML document as plain values with lines. Scalars are text: quoted or not makes no difference,
/// what they mean is decided by whoever reads them.
struct tree {
    std::variant<null_value, std::string, std::vector<tree>, entries> content;
    std::size_t line = 0; ///< where it starts, counted from 1
};

struct entry {
    std::string key;
    std::size_t line = 0; ///< the key's
    tree value;
};

} // namespace roachpin::settings
