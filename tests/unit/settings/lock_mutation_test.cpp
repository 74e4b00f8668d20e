#include "unit/settings/sample_lock.hpp"

#include <gtest/gtest.h>

#include <random>

namespace roachpin {
namespace {

using test::some_text;

/// Whatever is done to the file: no crash, problems of one line each, and what is accepted has a
/// text that says the same, so that no reader sees another lock than roachpin does.
void expect_an_answer(const std::string& text) {
    const auto parsed = settings::parse_lock(text, "x.lock");
    if (!parsed) {
        ASSERT_FALSE(parsed.error().empty());
        for (const auto& problem : parsed.error()) {
            ASSERT_EQ(problem.to_string().find('\n'), std::string::npos);
        }
        return;
    }
    const auto written = to_text(*parsed);
    const auto again = settings::parse_lock(written, "x.lock");
    ASSERT_TRUE(again) << text << "\n" << written;
    ASSERT_EQ(*again, *parsed) << text << "\n" << written;
    ASSERT_EQ(to_text(*again), written);
    ASSERT_TRUE(differences(*parsed, *again).empty());
}

TEST(settings_lock_mutation, every_truncation_has_an_answer) {
    for (std::size_t length = 0; length <= some_text.size(); ++length) {
        expect_an_answer(some_text.substr(0, length));
    }
}

TEST(settings_lock_mutation, every_octet_may_be_another) {
    std::mt19937 chance(20'261'122); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same every time
    for (std::size_t at = 0; at < some_text.size(); ++at) {
        for (int round = 0; round < 4; ++round) {
            auto damaged = some_text;
            damaged[at] = static_cast<char>(chance() % 256);
            expect_an_answer(damaged);
            damaged = some_text;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << chance() % 8));
            expect_an_answer(damaged);
        }
    }
}

TEST(settings_lock_mutation, random_damage_has_an_answer) {
    std::mt19937 chance(20'270'222); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same every time
    const std::string structure = "-:[]{}&*!|>'\"%@`#~?,\n\t $\\\x80\xff.019a";
    int accepted = 0;
    for (int round = 0; round < 1500; ++round) {
        auto damaged = some_text;
        for (auto wounds = chance() % 3 + 1; wounds > 0; --wounds) {
            const auto at = chance() % damaged.size();
            switch (chance() % 3) {
            case 0:
                damaged[at] = structure[chance() % structure.size()];
                break;
            case 1:
                damaged.erase(at, chance() % 8 + 1);
                break;
            default:
                damaged.insert(at, damaged.substr(chance() % damaged.size(), chance() % 30));
            }
            damaged += damaged.empty() ? " " : "";
        }
        expect_an_answer(damaged);
        accepted += settings::parse_lock(damaged, "x.lock") ? 1 : 0;
    }
    EXPECT_GT(accepted, 0);
}

} // namespace
} // namespace roachpin
