#pragma once

#include "core/endpoint.hpp"
#include "core/error.hpp"

#include <string>

namespace roachpin::app {

/// GET over HTTP/1.1, without TLS: of a server on this machine or one that is trusted otherwise.
/// The body of a 200, at most 16 MiB of it; a sentence for anything else, and where the whole takes
/// longer than 5 s. Blocks.
core::result<std::string> fetch(const core::endpoint& from, const std::string& target);

} // namespace roachpin::app
