#pragma once

#include "app/load.hpp"
#include "net/asio.hpp"
#include "settings/model.hpp"

#include <optional>
#include <string>
#include <vector>

/// What the commands that look at the world and end have in common.
namespace roachpin::app {

/// Nothing where there are problems, which have then been said on stderr. A lock that was not made
/// yet is no problem. Also makes a write to a closed socket an error instead of a signal.
std::optional<prepared> prepare(const std::string& config, lock_use lock);

/// Runs `work`, and whatever it starts, on the calling thread. Throws what it throws.
void run_to_end(net::asio::io_context& where, net::awaitable<void> work);

/// One line on stderr.
void tell(const std::string& sentence);

} // namespace roachpin::app
