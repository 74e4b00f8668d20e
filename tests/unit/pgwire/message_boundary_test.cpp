#include "pgwire/message_boundary.hpp"
#include "support/pg_messages.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace roachpin {
namespace {

using core::as_bytes;
using pgwire::message_boundary;

/// What a node sends: messages, and where in the stream each ends.
struct stream {
    std::string octets;
    std::set<std::size_t> boundaries{0};

    void add(char type, std::size_t body_size) {
        octets += test::encode_message(type, std::string(body_size, '\xee'));
        boundaries.insert(octets.size());
    }
};

std::size_t size_of_body(std::mt19937& random) {
    constexpr std::size_t sizes[] = {0, 1, 4, 5, 300, 70'000};
    return random() % (sizes[random() % std::size(sizes)] + 1);
}

stream random_stream(std::mt19937& random) {
    stream made;
    const auto count = 1 + random() % 20;
    for (std::size_t i = 0; i < count; ++i) {
        made.add(static_cast<char>('A' + random() % 26), size_of_body(random));
    }
    return made;
}

TEST(pgwire_message_boundary, is_known_exactly_wherever_the_reads_fall) {
    std::mt19937 random(3); // NOLINT(cert-msc51-cpp): the same streams in each run
    for (int i = 0; i < 300; ++i) {
        const auto sent = random_stream(random);
        const std::size_t largest_read = 1 + random() % (i % 2 == 0 ? 16 : 20'000);
        message_boundary framing;
        for (std::size_t at = 0; at < sent.octets.size();) {
            ASSERT_EQ(framing.at_boundary(), sent.boundaries.contains(at)) << i << ", " << at;
            const auto size = 1 + random() % largest_read;
            framing.follow(
                as_bytes(sent.octets).subspan(at, std::min(size, sent.octets.size() - at)));
            at += size;
        }
        EXPECT_TRUE(framing.at_boundary()) << i;
    }
}

TEST(pgwire_message_boundary, a_header_may_be_split_anywhere) {
    const auto message = test::encode_message('D', "12345");
    for (std::size_t split = 1; split < message.size(); ++split) {
        message_boundary framing;
        framing.follow(as_bytes(message.substr(0, split)));
        EXPECT_FALSE(framing.at_boundary()) << split;
        framing.follow(as_bytes(message.substr(split)));
        EXPECT_TRUE(framing.at_boundary()) << split;
    }
}

TEST(pgwire_message_boundary, the_longest_message_is_followed_to_its_end) {
    message_boundary framing;
    framing.follow(as_bytes("D" + test::encode_u32(0xffffffff)));
    const core::bytes zeros(1 << 20);
    const std::size_t body = 0xffffffff - 4;
    for (std::size_t at = 0; at + zeros.size() <= body; at += zeros.size()) {
        framing.follow(zeros);
        ASSERT_FALSE(framing.at_boundary());
    }
    framing.follow(core::bytes_view(zeros).first(body % zeros.size()));
    EXPECT_TRUE(framing.at_boundary());
}

TEST(pgwire_message_boundary, nothing_received_is_a_boundary_and_changes_none) {
    message_boundary framing;
    framing.follow({});
    EXPECT_TRUE(framing.at_boundary());
    framing.follow(as_bytes("Z"));
    framing.follow({});
    EXPECT_FALSE(framing.at_boundary());
}

TEST(pgwire_message_boundary, a_length_below_four_breaks_the_framing_for_good) {
    for (std::uint32_t length = 0; length < 4; ++length) {
        message_boundary framing;
        framing.follow(as_bytes(test::encode_message('R', "ok")));
        ASSERT_TRUE(framing.at_boundary());
        framing.follow(as_bytes("Z" + test::encode_u32(length)));
        EXPECT_FALSE(framing.at_boundary()) << length;
        for (int i = 0; i < 100; ++i) {
            framing.follow(as_bytes(test::encode_message('Z', "I")));
            ASSERT_FALSE(framing.at_boundary()) << length;
        }
    }
}

TEST(pgwire_message_boundary, the_last_type_is_that_of_the_last_message) {
    message_boundary framing;
    EXPECT_EQ(framing.last_type(), 0);
    framing.follow(as_bytes(test::encode_message('T')));
    EXPECT_EQ(framing.last_type(), 'T');
    framing.follow(as_bytes(test::encode_message('D', "row") + test::encode_message('E', "why")));
    EXPECT_EQ(framing.last_type(), 'E');
}

TEST(pgwire_message_boundary, a_message_that_is_not_whole_is_not_the_last_yet) {
    const auto error = test::encode_message('E', "why");
    for (std::size_t size = 1; size < error.size(); ++size) {
        message_boundary framing;
        framing.follow(as_bytes(test::encode_message('Z', "I") + error.substr(0, size)));
        EXPECT_EQ(framing.last_type(), 'Z') << size << " octets";
    }
}

} // namespace
} // namespace roachpin
