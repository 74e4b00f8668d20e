#include "support/temp_dir.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace roachpin::test {

namespace {

[[noreturn]] void fail(const std::string& doing) {
    throw std::system_error{errno, std::generic_category(), doing};
}

} // namespace

temp_dir::temp_dir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "roachpin-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        fail(pattern);
    path_ = pattern;
}

temp_dir::~temp_dir() {
    std::error_code ignored; // a test that made a directory unreadable has its own trouble
    std::filesystem::remove_all(path_, ignored);
}

std::string temp_dir::write(const std::string& name, std::string_view content) const {
    const auto path = path_ / name;
    write_file(path, content);
    return path.string();
}

void write_file(const std::filesystem::path& path, std::string_view content) {
    const mode_t mode = path.extension() == ".key" ? 0600 : 0644;
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (file < 0)
        fail(path.string());
    // The umask, and a file that was there before, have no say in it.
    bool good = ::fchmod(file, mode) == 0;
    while (good && !content.empty()) {
        const auto written = ::write(file, content.data(), content.size());
        good = written > 0;
        if (good)
            content.remove_prefix(static_cast<std::size_t>(written));
    }
    const int reason = errno;
    ::close(file);
    errno = reason;
    if (!good)
        fail(path.string());
}

} // namespace roachpin::test
