#include "core/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace roachpin {
namespace {

namespace errc = boost::system::errc;

TEST(core_error, what_failed_comes_first_then_what_the_system_says) {
    const auto cause = errc::make_error_code(errc::no_such_file_or_directory);
    const auto failed = core::system_error("cannot open a.crt", cause);
    EXPECT_EQ(failed.sentence, "cannot open a.crt: No such file or directory");
    EXPECT_EQ(failed.cause, cause);
}

TEST(core_error, without_a_code_it_is_the_threads_own) {
    errno = EACCES;
    const auto failed = core::system_error("cannot open a.key");
    EXPECT_EQ(failed.sentence, "cannot open a.key: Permission denied");
    EXPECT_EQ(failed.cause, errc::permission_denied);
}

TEST(core_error, the_value_of_a_failed_result_throws_its_sentence) {
    const core::result<int> failed = core::error{"no number"};
    try {
        (void)failed.value();
        FAIL() << "a value where there is none";
    } catch (const std::runtime_error& thrown) {
        EXPECT_STREQ(thrown.what(), "no number");
    }
}

} // namespace
} // namespace roachpin
