#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

// The suites of this build prove something only where its sanitizer works.

namespace roachpin::test {
namespace {

void race() {
    int shared = 0;
    std::thread other([&shared] { ++shared; });
    ++shared;
    other.join();
    std::exit(0);
}

TEST(thread_sanitizer, a_race_is_an_error) {
    // In a process of its own: a fork would bring the threads of other tests.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(race(), "ThreadSanitizer: data race");
}

} // namespace
} // namespace roachpin::test
