#include "unit/settings/configuration_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

namespace roachpin {
namespace {

std::string content_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Whatever is done to a configuration, the parser answers: with a configuration that has its
/// listeners and nodes, or with at least one problem, each of them one line.
void expect_an_answer(const test::configuration_folder& folder, const std::string& text) {
    const auto parsed = folder.parse(text);
    if (parsed) {
        ASSERT_FALSE(parsed->listeners.empty());
        ASSERT_FALSE(parsed->cluster.nodes.empty());
        ASSERT_FALSE(parsed->cluster.ca.path.empty());
        return;
    }
    ASSERT_FALSE(parsed.error().empty());
    for (const auto& problem : parsed.error()) {
        ASSERT_EQ(problem.to_string().find('\n'), std::string::npos);
    }
}

class settings_mutation : public testing::TestWithParam<std::string> {
protected:
    test::configuration_folder folder_;
    std::string text_ = content_of(GetParam());
};

TEST_P(settings_mutation, every_truncation_has_an_answer) {
    ASSERT_FALSE(text_.empty());
    for (std::size_t length = 0; length < text_.size(); ++length) {
        expect_an_answer(folder_, text_.substr(0, length));
    }
}

TEST_P(settings_mutation, random_damage_has_an_answer) {
    std::mt19937 chance(20'231'113); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same every time
    const std::string structure = "-:[]{}&*!|>'\"%@`#~?,\n\t $\\\x80\xff";
    for (int round = 0; round < 800; ++round) {
        auto damaged = text_;
        for (auto wounds = chance() % 4 + 1; wounds > 0; --wounds) {
            const auto at = chance() % damaged.size();
            switch (chance() % 4) {
            case 0:
                damaged[at] = static_cast<char>(chance() % 256);
                break;
            case 1:
                damaged[at] = structure[chance() % structure.size()];
                break;
            case 2:
                damaged.erase(at, chance() % 20 + 1);
                break;
            default:
                damaged.insert(at, damaged.substr(chance() % damaged.size(), chance() % 40));
            }
            damaged += damaged.empty() ? " " : "";
        }
        expect_an_answer(folder_, damaged);
    }
}

INSTANTIATE_TEST_SUITE_P(
    files, settings_mutation,
    testing::Values(std::string(ROACHPIN_CONFIG_DIR) + "/roachpin.yaml",
                    std::string(ROACHPIN_TEST_DATA) + "/config/good/every_key.yaml"),
    [](const auto& each) { return each.index == 0 ? "example" : "every_key"; });

} // namespace
} // namespace roachpin
