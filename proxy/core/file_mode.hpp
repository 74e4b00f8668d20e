#pragma once

#include <string>
#include <sys/types.h>

namespace roachpin::core {

/// The permissions in a mode (inode(7)), as chmod(1), unix_mode and SocketMode= have them: "0640".
/// The type of the file, which stat(2) gives in the same number, is left out.
std::string octal(mode_t mode);

} // namespace roachpin::core
