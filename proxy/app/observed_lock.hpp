#pragma once

#include "settings/lock_file.hpp"
#include "tls/verified_peer.hpp"

#include <boost/system/result.hpp>

#include <chrono>
#include <string>
#include <vector>

/// From what was seen of the nodes to roachpin.lock. Pure.
namespace roachpin::app {

/// An address, and what the node proved there.
struct observed_peer {
    core::ip_address address;
    tls::peer_facts facts;
};

/// A node; of one host there may be several, at other ports.
struct observed_node {
    core::host_name host;
    std::vector<std::vector<core::dns_name>> chains{}; ///< of every answer; of a pinned node none
    std::vector<observed_peer> peers{};
};

using observed_lock = boost::system::result<settings::lock_file, std::vector<std::string>>;

/// The lock for `seen`, reviewed on the day of `now`, and again 90 days later. `next_spki` is the
/// one thing that is never seen: it is taken over from `old`. Sentences where one host's answers
/// have different chains, of which a lock holds one.
observed_lock to_lock(const std::vector<observed_node>& seen, const settings::lock_file& old,
                      std::chrono::system_clock::time_point now);

} // namespace roachpin::app
