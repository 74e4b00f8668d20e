#include "core/event_sink.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

namespace roachpin {
namespace {

using core::event_id;

TEST(core_event, ids_are_sixteen_hexadecimal_digits) {
    EXPECT_EQ(to_string(event_id{0}), "0000000000000000");
    EXPECT_EQ(to_string(event_id{0xa}), "000000000000000a");
    EXPECT_EQ(to_string(event_id{0x0123456789abcdef}), "0123456789abcdef");
    EXPECT_EQ(to_string(event_id{~std::uint64_t{0}}), "ffffffffffffffff");
    EXPECT_EQ(to_string(core::connection_id{0xbeef}), "000000000000beef");
}

struct seen {
    event_id id;
    std::size_t number;

    friend auto operator<=>(const seen&, const seen&) = default;
};

/// Keeps what it was told, in the order it was told.
class recorder : public core::event_sink {
public:
    void on_event(event_id id, const core::event& what) noexcept override {
        const std::lock_guard lock(mutex_);
        seen_.push_back({id, std::get<core::events::draining>(what).connections});
    }

    std::vector<seen> all() const { return seen_; }

private:
    std::mutex mutex_;
    std::vector<seen> seen_;
};

core::event numbered(std::size_t number) {
    return core::events::draining{.connections = number};
}

TEST(core_event, ids_count_up_from_the_first) {
    core::event_source source({}, 0x0123456789abcdfe);
    EXPECT_EQ(source.emit(numbered(1)), event_id{0x0123456789abcdfe});
    EXPECT_EQ(source.emit(numbered(2)), event_id{0x0123456789abcdff});
    EXPECT_EQ(source.emit(numbered(3)), event_id{0x0123456789abce00});
}

TEST(core_event, every_reader_is_told_every_event_under_the_id_that_was_returned) {
    recorder first;
    recorder second;
    core::event_source source({&first, &second}, 7);
    const auto id = source.emit(numbered(40));
    const auto next = source.emit(numbered(41));
    const std::vector<seen> expected{{id, 40}, {next, 41}};
    EXPECT_EQ(first.all(), expected);
    EXPECT_EQ(second.all(), expected);
}

TEST(core_event, threads_share_a_source_and_no_id_is_given_twice) {
    constexpr std::size_t threads = 4;
    constexpr std::size_t each = 500;
    constexpr std::uint64_t first_id = 1000;
    recorder first;
    recorder second;
    core::event_source source({&first, &second}, first_id);

    std::vector<std::vector<seen>> told(threads);
    std::vector<std::thread> running;
    for (std::size_t thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            for (std::size_t i = 0; i < each; ++i) {
                const auto number = thread * each + i;
                told[thread].push_back({source.emit(numbered(number)), number});
            }
        });
    }
    for (auto& one : running) {
        one.join();
    }

    std::vector<seen> expected;
    for (const auto& one : told) {
        expected.insert(expected.end(), one.begin(), one.end());
    }
    std::sort(expected.begin(), expected.end());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(expected[i].id, event_id{first_id + i});
    }
    for (const auto* reader : {&first, &second}) {
        auto all = reader->all();
        std::sort(all.begin(), all.end());
        EXPECT_EQ(all, expected);
    }
}

} // namespace
} // namespace roachpin
