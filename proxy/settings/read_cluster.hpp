#pragma once

#include "settings/mapping.hpp"
#include "settings/placed.hpp"

#include <filesystem>
#include <vector>

namespace roachpin::settings {

/// `cluster` as the file has it; its nodes are still apart, with their places.
struct read_cluster_result {
    cluster value;
    std::vector<placed_node> nodes;
};

/// Where a problem was reported, the value may hold placeholders: it must not be used.
read_cluster_result read_cluster(mapping& in, const std::filesystem::path& base);

} // namespace roachpin::settings
