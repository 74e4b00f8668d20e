#pragma once

#include "core/error.hpp"
#include "settings/mapping.hpp"
#include "settings/model.hpp"

#include <filesystem>
#include <string>
#include <sys/types.h>

namespace roachpin::settings {

/// The text of the file, or what to say of it. At most 1 MiB.
core::result<std::string> contents_of(const std::filesystem::path& path);

/// Parsers of values that name files; relative paths are relative to `base`. They look at the file
/// system at once, so that a path that cannot work is reported beside everything else.

/// A regular file that this process can open for reading.
struct readable_file {
    std::filesystem::path base;
    core::result<file_path> operator()(const scalar& value) const;
};

/// The mode that a private key's file may have at most: 0600, and 0640 where root owns it and has
/// given it to a group, as Kubernetes mounts a Secret with an fsGroup. PostgreSQL has the same rule
/// ("Secure TCP/IP Connections with SSL").
mode_t key_mode(uid_t owner);

/// The same for a private key, which moreover nobody else may read or write: see `key_mode`.
struct private_file {
    std::filesystem::path base;
    core::result<file_path> operator()(const scalar& value) const;
};

/// A file that will be written: the folder it goes to exists.
struct file_to_write {
    std::filesystem::path base;
    core::result<file_path> operator()(const scalar& value) const;
};

} // namespace roachpin::settings
