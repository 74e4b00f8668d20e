#pragma once

#include "core/endpoint.hpp"
#include "core/host_name.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What `cockroach gen haproxy` wrote, read for `roachpin init`. Pure.
namespace roachpin::app {

/// Where one node is, as a `server` line says.
struct haproxy_server {
    core::host_name host;
    std::uint16_t port = 0;

    friend bool operator==(const haproxy_server&, const haproxy_server&) = default;
};

/// The page that `option httpchk` asks for, at the port that every server's `check port` names.
struct haproxy_check {
    std::string path; ///< as it stands in the file, beginning with /
    std::uint16_t port = 0;
};

/// What the first `listen` section says. Nothing is guessed: what is not understood is left out,
/// and there is a notice of it.
struct haproxy_file {
    std::optional<core::endpoint> bind{};  ///< always on loopback
    std::vector<haproxy_server> servers{}; ///< none twice
    std::optional<haproxy_check> check{};
    std::optional<std::string> balance{}; ///< in roachpin's words
    std::vector<std::string> notices{};   ///< "14: sentence", printable, a line each
};

/// `text` may be anything. Passed over without a word is what `cockroach gen haproxy` writes and
/// roachpin has a way of its own for: timeouts, retries, keepalive and maxconn.
haproxy_file read_haproxy(std::string_view text);

} // namespace roachpin::app
