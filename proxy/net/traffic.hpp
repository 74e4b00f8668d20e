#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace roachpin::net {

/// Octets that a worker's sessions have passed, to and from one node. The worker alone adds to it,
/// so that no other core's cache line is taken while bytes are moved; anybody may read.
class traffic {
public:
    void add_to_node(std::uint64_t octets) { add(to_node_, octets); }

    void add_to_client(std::uint64_t octets) { add(to_client_, octets); }

    std::uint64_t to_node() const { return to_node_.load(std::memory_order_relaxed); }

    std::uint64_t to_client() const { return to_client_.load(std::memory_order_relaxed); }

private:
    using counter = std::atomic<std::uint64_t>;

    static void add(counter& to, std::uint64_t octets) {
        to.store(to.load(std::memory_order_relaxed) + octets, std::memory_order_relaxed);
    }

    counter to_node_ = 0;
    counter to_client_ = 0;
};

/// A worker's traffic, by node.
class traffic_by_node {
public:
    /// Of the node with that name, for as long as this lives. The worker's thread only.
    traffic& of(const std::string& host) {
        const std::lock_guard lock(mutex_);
        return by_host_[host];
    }

    /// `see`: host, traffic. Any thread.
    template <class Seen>
    void for_each(Seen see) const {
        const std::lock_guard lock(mutex_);
        for (const auto& [host, passed] : by_host_) {
            see(host, passed);
        }
    }

private:
    mutable std::mutex mutex_;               ///< of the map
    std::map<std::string, traffic> by_host_; ///< of configured names
};

} // namespace roachpin::net
