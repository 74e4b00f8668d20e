#include "core/file_mode.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace roachpin::core {
namespace {

TEST(core_file_mode, is_shown_as_chmod_has_it) {
    EXPECT_EQ(octal(0), "0000");
    EXPECT_EQ(octal(0640), "0640");
    EXPECT_EQ(octal(S_IFREG | 0644), "0644");
    EXPECT_EQ(octal(S_IFSOCK | S_ISVTX | 0777), "1777");
}

} // namespace
} // namespace roachpin::core
