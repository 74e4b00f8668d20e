#include "app/write_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace roachpin::app {
namespace {

bool write_all(int fd, std::string_view rest) {
    while (!rest.empty()) {
        const auto put = ::write(fd, rest.data(), rest.size());
        if (put < 0 && errno != EINTR) {
            return false;
        }
        rest.remove_prefix(put > 0 ? static_cast<std::size_t>(put) : 0);
    }
    // Else a machine that loses its power may find the name, and nothing behind it.
    return ::fchmod(fd, 0644) == 0 && ::fsync(fd) == 0;
}

} // namespace

std::optional<core::error> write_file(const std::filesystem::path& path, std::string_view content) {
    auto temporary = path.string() + ".XXXXXX";
    const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
    if (fd < 0) {
        return core::system_error("cannot write " + path.string());
    }
    const bool written = write_all(fd, content);
    const bool closed = ::close(fd) == 0;
    if (written && closed && std::rename(temporary.c_str(), path.c_str()) == 0) {
        return std::nullopt;
    }
    auto failed = core::system_error("cannot write " + path.string());
    ::unlink(temporary.c_str());
    return failed;
}

} // namespace roachpin::app
