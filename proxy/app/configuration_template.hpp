#pragma once

#include "core/endpoint.hpp"
#include "core/host_name.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The configuration that `roachpin init` writes, as text. Pure.
namespace roachpin::app {

/// A node. Without addresses its name is to be resolved, and what it may resolve to is left to fill
/// in: that is for people to know, and an answer of the DNS would be the thing it is held against.
struct draft_node {
    core::host_name host;
    std::uint16_t port = 26257;
    std::vector<core::ip_address> addresses{};
    std::vector<core::host_name> also_called{}; ///< named in a comment
};

struct draft_page {
    std::string path;
    std::uint16_t port = 0;
};

struct draft_client {
    std::string user;
    std::string certificate; ///< a path
    std::string key;
};

/// What is known. What is not becomes a key that the parser of the configuration refuses until
/// somebody has filled it in.
struct draft {
    std::optional<core::endpoint> bind{}; ///< none: 127.0.0.1:26257
    std::string ca_file = "certs/ca.crt";
    std::vector<draft_client> clients{}; ///< offered in comments
    std::vector<draft_node> nodes{};     ///< none: one is outlined
    std::optional<draft_page> health{};
    std::string balance{}; ///< empty: the default
};

/// Whole lines of YAML with comments.
std::string to_text(const draft& known);

/// `text` as a scalar of YAML, whatever it holds: it cannot end the scalar, the line or a comment.
std::string yaml_scalar(std::string_view text);

} // namespace roachpin::app
