#include "app/write_file.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roachpin {
namespace {

namespace fs = std::filesystem;
using app::write_file;

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::string> names_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
        names.insert(entry.path().filename());
    }
    return names;
}

mode_t mode_of(const fs::path& path) {
    struct stat seen {};

    EXPECT_EQ(::stat(path.c_str(), &seen), 0);
    return seen.st_mode & 07777;
}

ino_t inode_of(const fs::path& path) {
    struct stat seen {};

    EXPECT_EQ(::stat(path.c_str(), &seen), 0);
    return seen.st_ino;
}

TEST(app_write_file, the_content_is_all_there_is) {
    const test::temp_dir folder;
    const auto path = folder.path() / "local.crt";
    for (const auto& content :
         {std::string("certificate\n"), std::string(), std::string("\0\xff\r\n", 4),
          std::string(3 << 20, 'x'), std::string("short again")}) {
        const auto failed = write_file(path, content);
        ASSERT_FALSE(failed) << failed->sentence;
        EXPECT_TRUE(content_of(path) == content) << content.size();
        EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"local.crt"});
    }
}

TEST(app_write_file, everybody_may_read_and_the_owner_write_whatever_the_umask) {
    const test::temp_dir folder;
    const auto path = folder.path() / "local.crt";
    for (const mode_t mask : {0000U, 0022U, 0077U, 0777U}) {
        const auto before = ::umask(mask);
        const auto failed = write_file(path, "certificate");
        ::umask(before);
        ASSERT_FALSE(failed) << failed->sentence;
        EXPECT_EQ(mode_of(path), 0644U) << mask;
    }
}

/// A reader that has the old file open goes on reading the old file, never half of the new one.
TEST(app_write_file, a_file_that_was_there_is_replaced_and_not_written_into) {
    const test::temp_dir folder;
    const auto path = folder.path() / "local.crt";
    folder.write("local.crt", "old");
    fs::permissions(path, fs::perms(0600));
    const auto old = inode_of(path);
    std::ifstream reader(path);

    ASSERT_FALSE(write_file(path, "new"));
    EXPECT_NE(inode_of(path), old);
    EXPECT_EQ(content_of(path), "new");
    EXPECT_EQ(mode_of(path), 0644U);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "old");
}

TEST(app_write_file, a_folder_that_is_not_there_is_said) {
    const test::temp_dir folder;
    const auto path = folder.path() / "absent" / "local.crt";
    const auto failed = write_file(path, "certificate");
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->sentence, "cannot write " + path.string() + ": No such file or directory");
    EXPECT_EQ(failed->cause, boost::system::errc::no_such_file_or_directory);
    EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(app_write_file, a_folder_at_the_path_itself_is_left_alone) {
    const test::temp_dir folder;
    const auto path = folder.path() / "local.crt";
    fs::create_directory(path);
    const auto failed = write_file(path, "certificate");
    ASSERT_TRUE(failed);
    EXPECT_TRUE(failed->sentence.starts_with("cannot write " + path.string() + ": "));
    EXPECT_TRUE(fs::is_directory(path));
    EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"local.crt"});
}

TEST(app_write_file, a_folder_that_may_not_be_written_to_is_said) {
    if (::geteuid() == 0) {
        GTEST_SKIP() << "root may write anywhere";
    }
    const test::temp_dir folder;
    fs::permissions(folder.path(), fs::perms(0500));
    const auto failed = write_file(folder.path() / "local.crt", "certificate");
    fs::permissions(folder.path(), fs::perms(0700));
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->cause, boost::system::errc::permission_denied);
    EXPECT_TRUE(names_in(folder.path()).empty());
}

/// No file of this process may grow beyond `most` octets while this lives: a disk that is full.
class full_disk {
public:
    explicit full_disk(rlim_t most) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limited{most, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limited);
    }

    full_disk(const full_disk&) = delete;
    full_disk& operator=(const full_disk&) = delete;

    ~full_disk() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, signal_);
    }

private:
    void (*signal_)(int);
    rlimit before_{};
};

TEST(app_write_file, a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else) {
    const test::temp_dir folder;
    const auto path = folder.path() / "local.crt";
    folder.write("local.crt", "old");
    std::optional<core::error> failed;
    {
        const full_disk disk(1000);
        failed = write_file(path, std::string(100'000, 'x'));
    }
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->sentence, "cannot write " + path.string() + ": File too large");
    EXPECT_EQ(content_of(path), "old");
    EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"local.crt"});
}

} // namespace
} // namespace roachpin
