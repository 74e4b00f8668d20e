#include "pgwire/upstream_opening.hpp"
#include "support/pg_messages.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using pgwire::judge_ssl_answer;
using pgwire::ssl_answer;

TEST(pgwire_upstream_opening, the_request_is_an_ssl_request) {
    EXPECT_EQ(core::as_text(pgwire::ssl_request_packet), test::ssl_request());
}

ssl_answer expected_of(unsigned octet, bool more) {
    switch (octet) {
    case 'S':
        return more ? ssl_answer::stuffed : ssl_answer::accepted;
    case 'N':
        return ssl_answer::declined;
    case 'E':
        return ssl_answer::error;
    default:
        return ssl_answer::not_postgres;
    }
}

TEST(pgwire_upstream_opening, every_first_octet_has_its_meaning_alone_and_with_more_behind) {
    for (unsigned octet = 0; octet < 256; ++octet) {
        const auto first = static_cast<std::uint8_t>(octet);
        EXPECT_EQ(judge_ssl_answer(core::bytes{first}), expected_of(octet, false)) << octet;
        for (const unsigned more : {0x00U, 0x16U, 0x45U, 0x53U, 0xffU}) {
            const auto second = static_cast<std::uint8_t>(more);
            EXPECT_EQ(judge_ssl_answer(core::bytes{first, second}), expected_of(octet, true))
                << octet << ", " << more;
        }
        core::bytes many(100, 'S');
        many.front() = first;
        EXPECT_EQ(judge_ssl_answer(many), expected_of(octet, true)) << octet;
    }
}

} // namespace
} // namespace roachpin
