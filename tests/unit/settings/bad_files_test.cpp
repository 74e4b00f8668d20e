#include "unit/settings/configuration_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace roachpin {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> bad_files() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(fs::path(ROACHPIN_TEST_DATA) / "config/bad")) {
        if (entry.path().extension() == ".yaml") {
            found.push_back(entry.path());
        }
    }
    return found;
}

/// One file per problem; beside NAME.yaml lies NAME.expected.txt, all that an operator reads.
TEST(settings_bad_files, each_is_refused_with_exactly_its_text) {
    const test::configuration_folder folder;
    const auto files = bad_files();
    ASSERT_GE(files.size(), 60U);
    for (const auto& file : files) {
        const auto copied = folder.path(file.filename());
        fs::copy_file(file, copied);
        const auto loaded = settings::load(copied, folder.variables);
        const auto expected = content_of(fs::path(file).replace_extension(".expected.txt"));
        EXPECT_FALSE(loaded) << file.filename();
        EXPECT_FALSE(expected.empty()) << file.filename();
        EXPECT_EQ(folder.problems(loaded), expected) << file.filename();
    }
}

} // namespace
} // namespace roachpin
