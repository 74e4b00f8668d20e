#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace roachpin::test {

/// A directory under $TMPDIR that exists as long as the object does, 0700. The destructor removes
/// everything in it. Throws std::system_error when it cannot be made.
class temp_dir {
public:
    temp_dir();
    ~temp_dir();

    temp_dir(const temp_dir&) = delete;
    temp_dir& operator=(const temp_dir&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    /// Writes (or replaces) a file and returns its absolute path. Names ending in ".key" get 0600,
    /// others 0644.
    std::string write(const std::string& name, std::string_view content) const;

private:
    std::filesystem::path path_;
};

/// Writes a file with the modes of temp_dir::write; throws std::system_error.
void write_file(const std::filesystem::path& path, std::string_view content);

} // namespace roachpin::test
