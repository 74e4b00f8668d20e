#include "policy/cancel_keys.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace roachpin {
namespace {

using policy::cancel_keys;
using ticket = cancel_keys::ticket;

policy::candidate node(int number) {
    const policy::node made{core::host_name::parse("n").value()};
    return {std::make_shared<const policy::node>(made),
            core::endpoint::parse("10.0.0.1:" + std::to_string(number)).value()};
}

core::bytes key_of(const std::string& text) {
    const auto octets = core::as_bytes(text);
    return {octets.begin(), octets.end()};
}

/// The port of the owner; 0 where the key is not held.
int owner(const cancel_keys& keys, const core::bytes& key) {
    const auto found = keys.find(key);
    return found ? found->where.port : 0;
}

TEST(policy_cancel_keys, a_noted_key_has_its_owner_until_it_is_forgotten) {
    cancel_keys keys(10);
    EXPECT_EQ(owner(keys, key_of("process1")), 0);
    const auto first = keys.note(key_of("process1"), node(1));
    const auto second = keys.note(key_of("process2"), node(2));
    EXPECT_NE(first, ticket::none);
    EXPECT_NE(second, first);
    EXPECT_EQ(owner(keys, key_of("process1")), 1);
    EXPECT_EQ(owner(keys, key_of("process2")), 2);
    EXPECT_EQ(owner(keys, key_of("process3")), 0);
    keys.forget(first);
    EXPECT_EQ(owner(keys, key_of("process1")), 0);
    EXPECT_EQ(owner(keys, key_of("process2")), 2);
}

TEST(policy_cancel_keys, when_it_is_full_a_key_is_not_noted) {
    cancel_keys keys(2);
    const auto first = keys.note(key_of("process1"), node(1));
    keys.forget(keys.note(key_of("process2"), node(2)));
    EXPECT_NE(keys.note(key_of("process3"), node(3)), ticket::none);
    EXPECT_EQ(keys.note(key_of("process4"), node(4)), ticket::none);
    EXPECT_EQ(owner(keys, key_of("process4")), 0);
    EXPECT_EQ(keys.size(), 2U);
    keys.forget(first);
    EXPECT_NE(keys.note(key_of("process4"), node(4)), ticket::none);
    EXPECT_EQ(owner(keys, key_of("process4")), 4);
    EXPECT_EQ(cancel_keys(0).note(key_of("process1"), node(1)), ticket::none);
}

TEST(policy_cancel_keys, a_ticket_is_good_for_its_own_key_once) {
    cancel_keys keys(2);
    const auto first = keys.note(key_of("process1"), node(1));
    keys.forget(first);
    EXPECT_NE(keys.note(key_of("process2"), node(2)), first);
    keys.forget(first);
    keys.forget(ticket::none);
    EXPECT_EQ(owner(keys, key_of("process2")), 2);
}

TEST(policy_cancel_keys, what_is_no_key_by_its_size_is_not_noted) {
    cancel_keys keys(10);
    for (const std::size_t size : {0U, 7U, 261U}) {
        EXPECT_EQ(keys.note(core::bytes(size), node(1)), ticket::none) << size;
        EXPECT_EQ(owner(keys, core::bytes(size)), 0) << size;
    }
    for (const std::size_t size : {8U, 260U}) {
        EXPECT_NE(keys.note(core::bytes(size), node(1)), ticket::none) << size;
        EXPECT_EQ(owner(keys, core::bytes(size)), 1) << size;
    }
}

TEST(policy_cancel_keys, every_bit_and_the_size_count) {
    for (const std::size_t size : {8U, 12U, 36U, 260U}) {
        cancel_keys keys(1);
        core::bytes key(size, 0x5a);
        ASSERT_NE(keys.note(key, node(7)), ticket::none);
        for (std::size_t bit = 0; bit < size * 8; ++bit) {
            auto other = key;
            other[bit / 8] = static_cast<std::uint8_t>(other[bit / 8] ^ (1U << bit % 8));
            EXPECT_EQ(owner(keys, other), 0) << size << ", bit " << bit;
        }
        auto longer = key;
        longer.push_back(0);
        EXPECT_EQ(owner(keys, longer), 0) << size;
        EXPECT_EQ(owner(keys, core::bytes(key.begin(), key.end() - 1)), 0) << size;
        EXPECT_EQ(keys.find({}).has_value(), false);
        EXPECT_EQ(owner(keys, key), 7) << size;
    }
}

TEST(policy_cancel_keys, each_of_many_is_found) {
    std::mt19937 random(5); // NOLINT(cert-msc51-cpp): the same keys in each run
    cancel_keys keys(500);
    std::vector<core::bytes> noted;
    for (int i = 1; i <= 500; ++i) {
        core::bytes key(random() % 2 == 0 ? 8 : 36);
        for (auto& octet : key) {
            octet = static_cast<std::uint8_t>(random());
        }
        ASSERT_NE(keys.note(key, node(i)), ticket::none);
        noted.push_back(std::move(key));
    }
    for (int i = 1; i <= 500; ++i) {
        EXPECT_EQ(owner(keys, noted[static_cast<std::size_t>(i - 1)]), i);
    }
}

} // namespace
} // namespace roachpin
