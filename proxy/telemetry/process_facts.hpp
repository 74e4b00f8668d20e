#pragma once

#include <cstdint>
#include <optional>

namespace roachpin::telemetry {

/// What the kernel says of this process: proc(5).
struct process_facts {
    double cpu_seconds = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t open_descriptors = 0; ///< zero: there was none left to count them with
    std::uint64_t max_descriptors = 0;
    std::uint64_t threads = 0;
    double started_at = 0; ///< seconds since the epoch
};

/// Nothing where /proc cannot be read.
std::optional<process_facts> read_process_facts();

} // namespace roachpin::telemetry
