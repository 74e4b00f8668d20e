#pragma once

#include "core/host_name.hpp"

#include <filesystem>
#include <string>
#include <vector>

/// A folder as `cockroach cert` makes it, read for `roachpin init`.
namespace roachpin::app {

/// client.USER.crt, where client.USER.key is beside it.
struct client_files {
    std::string user;
    std::filesystem::path certificate;
    std::filesystem::path key;
};

/// Paths are absolute.
struct certs_dir {
    std::filesystem::path ca;             ///< holds a self-signed root
    std::vector<client_files> clients{};  ///< in the order of their names
    std::vector<core::host_name> hosts{}; ///< what node.crt carries, without this machine's own
    std::vector<std::string> notices{};   ///< printable, a line each
};

/// Keys are not opened. An error where there is no ca.crt to trust, or where the folder has a name
/// that a configuration cannot hold.
core::result<certs_dir> read_certs_dir(const std::filesystem::path& folder);

} // namespace roachpin::app
