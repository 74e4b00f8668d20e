#include "settings/files.hpp"

#include "core/file_mode.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace roachpin::settings {
namespace {

/// No file that people write for roachpin comes near.
constexpr std::size_t largest_file = 1024UL * 1024;

core::result<file_path> path_named(const std::filesystem::path& base, const scalar& value) {
    if (value.text.empty()) {
        return core::error{"the path is empty; write the name of a file"};
    }
    if (value.text.find('\0') != std::string::npos) {
        return core::error{"the path holds a NUL octet, which no file name does"};
    }
    return file_path{(base / value.text).lexically_normal(), value.where.to_string()};
}

/// O_NONBLOCK: a FIFO without a writer must not stop the start.
core::result<struct stat> facts_when_readable(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) {
        return core::system_error("cannot read " + path.string());
    }

    struct stat facts {};

    const bool known = ::fstat(file, &facts) == 0;
    ::close(file);
    if (!known || !S_ISREG(facts.st_mode)) {
        return core::error{path.string() + " is not a regular file"};
    }
    return facts;
}

} // namespace

core::result<std::string> contents_of(const std::filesystem::path& path) {
    errno = 0; // streams fail silently; what the system said stays there
    std::ifstream file(path, std::ios::binary);
    std::string text(largest_file + 1, '\0');
    if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && !file.eof()) {
        return core::system_error("cannot read the file");
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > largest_file) {
        return core::error{"the file is larger than 1 MiB; name the right one"};
    }
    return {boost::system::in_place_value, std::move(text)};
}

core::result<file_path> readable_file::operator()(const scalar& value) const {
    auto named = path_named(base, value);
    if (!named) {
        return named;
    }
    const auto facts = facts_when_readable(named->path);
    return facts ? named : facts.error();
}

mode_t key_mode(uid_t owner) {
    return owner == 0 ? 0640 : 0600;
}

core::result<file_path> private_file::operator()(const scalar& value) const {
    auto named = path_named(base, value);
    if (!named) {
        return named;
    }
    const auto facts = facts_when_readable(named->path);
    if (!facts) {
        return facts.error();
    }
    const auto most = key_mode(facts->st_uid);
    if ((facts->st_mode & (S_IRWXG | S_IRWXO) & ~most) != 0) {
        const auto path = named->path.string();
        return core::error{path + " holds a private key and is open to other users (mode " +
                           core::octal(facts->st_mode) + "); run: chmod " +
                           (most == 0600 ? "600 " : "640 ") + path};
    }
    return named;
}

core::result<file_path> file_to_write::operator()(const scalar& value) const {
    auto named = path_named(base, value);
    if (!named) {
        return named;
    }
    std::error_code ignored;
    const auto folder = named->path.has_parent_path() ? named->path.parent_path() : ".";
    if (!std::filesystem::is_directory(folder, ignored)) {
        return core::error{"the folder " + folder.string() + " does not exist; make it first"};
    }
    if (std::filesystem::is_directory(named->path, ignored)) {
        return core::error{named->path.string() + " is a folder; write the name of a file"};
    }
    return named;
}

} // namespace roachpin::settings
