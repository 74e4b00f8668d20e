#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <memory>

// The suites of this build prove something only where its sanitizers work. LeakSanitizer does not
// under a tracer (strace, gdb) or where ptrace(2) is forbidden: then these fail, and say so.

namespace roachpin::test {
namespace {

class address_sanitizer : public testing::Test {
protected:
    // In a process of its own: a fork would bring the threads of other tests.
    address_sanitizer() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

/// Ends as the program does: leaks are looked for on the way out.
[[noreturn]] void leak_and_exit() {
    for (int i = 0; i < 8; ++i) { // whatever register the last one is left in, the others are lost
        static_cast<void>(::operator new(1000)); // no new-expression, which might be left out
    }
    std::exit(0);
}

void read_what_was_freed() {
    auto owner = std::make_unique<char[]>(4);
    const char* volatile there = owner.get();
    owner.reset();
    std::exit(*there);
}

void overflow_an_int() {
    volatile int most = std::numeric_limits<int>::max();
    most = most + 1;
    std::exit(0);
}

TEST_F(address_sanitizer, a_leak_is_an_error) {
    EXPECT_DEATH(leak_and_exit(), "LeakSanitizer: detected memory leaks");
}

TEST_F(address_sanitizer, the_use_of_freed_memory_is_an_error) {
    EXPECT_DEATH(read_what_was_freed(), "AddressSanitizer: heap-use-after-free");
}

TEST_F(address_sanitizer, undefined_behaviour_is_an_error) {
    EXPECT_DEATH(overflow_an_int(), "runtime error: signed integer overflow");
}

} // namespace
} // namespace roachpin::test
