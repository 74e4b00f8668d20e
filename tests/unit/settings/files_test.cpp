#include "settings/files.hpp"
#include "unit/settings/configuration_folder.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

namespace roachpin {
namespace {

namespace fs = std::filesystem;

struct row {
    unsigned mode;
    bool is_good;
};

class settings_files : public testing::Test {
protected:
    settings::scalar named(const std::string& name) const { return {name, {"x.yaml", 3, "key"}}; }

    bool is_private(const std::string& name) const {
        return static_cast<bool>(settings::private_file{base_}(named(name)));
    }

    bool is_readable(const std::string& name) const {
        return static_cast<bool>(settings::readable_file{base_}(named(name)));
    }

    bool can_be_written(const std::string& name) const {
        return static_cast<bool>(settings::file_to_write{base_}(named(name)));
    }

    test::configuration_folder folder_;
    fs::path base_ = folder_.path("");
};

TEST_F(settings_files, carry_their_place) {
    const auto file = settings::readable_file{base_}(named("ca.crt"));
    ASSERT_TRUE(file);
    EXPECT_EQ(file->where, "x.yaml:3: key");
    EXPECT_EQ(file->path, folder_.path("ca.crt"));
}

TEST_F(settings_files, readable_means_a_regular_file_that_opens) {
    fs::create_symlink("ca.crt", folder_.path("link"));
    fs::create_symlink("nowhere", folder_.path("dangling"));
    EXPECT_TRUE(is_readable("ca.crt"));
    EXPECT_TRUE(is_readable("link"));
    EXPECT_FALSE(is_readable("dangling"));
    EXPECT_FALSE(is_readable("folder"));
    EXPECT_FALSE(is_readable("/dev/null"));
}

TEST_F(settings_files, a_pipe_is_refused_without_waiting_for_a_writer) {
    ASSERT_EQ(::mkfifo(folder_.path("pipe").c_str(), 0600), 0);
    EXPECT_FALSE(is_readable("pipe"));
}

TEST_F(settings_files, a_file_that_may_not_be_opened_is_refused) {
    if (::geteuid() == 0) {
        GTEST_SKIP() << "root opens everything";
    }
    fs::permissions(folder_.path("ca.crt"), fs::perms::none);
    EXPECT_FALSE(is_readable("ca.crt"));
}

TEST_F(settings_files, a_key_is_its_owners_alone) {
    for (const auto& [mode, is_good] :
         {row{0600, true}, row{0400, true}, row{0700, true}, row{0640, false}, row{0604, false},
          row{0620, false}, row{0602, false}, row{0666, false}}) {
        fs::permissions(folder_.path("node.key"), fs::perms(mode));
        EXPECT_EQ(is_private("node.key"), is_good) << std::oct << mode;
    }
}

TEST_F(settings_files, a_key_of_roots_may_be_given_to_a_group) {
    EXPECT_EQ(settings::key_mode(0), 0640U);
    EXPECT_EQ(settings::key_mode(1), 0600U);
    EXPECT_EQ(settings::key_mode(65532), 0600U);
    if (::geteuid() == 0) {
        for (const auto& [mode, is_good] : {row{0640, true}, row{0644, false}, row{0660, false}}) {
            ASSERT_EQ(::chown(folder_.path("node.key").c_str(), 0, 65532), 0);
            fs::permissions(folder_.path("node.key"), fs::perms(mode));
            EXPECT_EQ(is_private("node.key"), is_good) << std::oct << mode;
        }
    }
}

TEST_F(settings_files, a_file_to_write_needs_its_folder_only) {
    EXPECT_TRUE(can_be_written("new.crt"));
    EXPECT_TRUE(can_be_written("ca.crt"));
    EXPECT_TRUE(can_be_written("folder/new.crt"));
    EXPECT_FALSE(can_be_written("folder"));
    EXPECT_FALSE(can_be_written("absent/new.crt"));
    EXPECT_FALSE(can_be_written(""));
}

} // namespace
} // namespace roachpin
