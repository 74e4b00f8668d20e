#include "pgwire/first_answer.hpp"
#include "support/pg_messages.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roachpin {
namespace {

using core::as_bytes;

/// "incomplete", "answered", or "SQLSTATE message".
std::string judge(const std::string& received) {
    const auto answer = pgwire::judge_first_answer(as_bytes(received));
    if (const auto* error = std::get_if<pgwire::refused>(&answer)) {
        return error->sqlstate + " " + error->message;
    }
    return std::holds_alternative<pgwire::answered>(answer) ? "answered" : "incomplete";
}

std::string error_of(const std::string& body) {
    return test::encode_message('E', body);
}

const std::string draining =
    test::encode_error({"FATAL", "57P01", "server is not accepting clients", "d", "h"});

TEST(pgwire_first_answer, an_error_is_judged_when_it_is_whole) {
    for (std::size_t size = 0; size < draining.size(); ++size) {
        EXPECT_EQ(judge(draining.substr(0, size)), "incomplete") << size;
    }
    EXPECT_EQ(judge(draining), "57P01 server is not accepting clients");
    EXPECT_EQ(judge(draining + "R more"), "57P01 server is not accepting clients");
}

TEST(pgwire_first_answer, anything_else_is_an_answer_from_its_first_octet_on) {
    for (const char type : {'R', 'v', 'N', 'S', 'Z', 'e', '\0'}) {
        EXPECT_EQ(judge(std::string(1, type)), "answered") << type;
    }
    EXPECT_EQ(judge(test::encode_message('R', test::encode_u32(3))), "answered");
    EXPECT_EQ(judge(test::encode_message('N', "") + draining), "answered");
}

TEST(pgwire_first_answer, an_error_whose_size_is_no_good_is_passed_on) {
    for (const std::uint32_t length : {0U, 3U, 16U * 1024 + 1, 0x7fffffffU, 0xffffffffU}) {
        EXPECT_EQ(judge("E" + test::encode_u32(length)), "answered") << length;
    }
    EXPECT_EQ(judge("Ecould not fork new process\n"), "answered"); // of protocol 2
    EXPECT_EQ(judge("E" + test::encode_u32(16 * 1024)), "incomplete");
    const std::string padding(16 * 1024 - 4 - 8 - 2, 'm');
    const auto largest = error_of(std::string("C53300\0M", 8) + padding + std::string(2, '\0'));
    EXPECT_EQ(judge(largest.substr(0, largest.size() - 1)), "incomplete");
    EXPECT_EQ(judge(largest), "53300 " + padding);
}

TEST(pgwire_first_answer, an_error_without_a_sqlstate_is_passed_on) {
    EXPECT_EQ(judge(error_of("")), "answered");
    EXPECT_EQ(judge(error_of(std::string(1, '\0'))), "answered");
    EXPECT_EQ(judge(test::encode_error({"FATAL", "", "why", "", ""})), "answered");
    for (const char* code : {"57P0", "57P011", "57p01", "57 01", "57\n01"}) {
        EXPECT_EQ(judge(test::encode_error({"FATAL", code, "why", "", ""})), "answered") << code;
    }
    EXPECT_EQ(judge(error_of("C57P01")), "answered") << "a string without an end";
    EXPECT_EQ(judge(error_of(std::string("C57P01\0Mwhy", 11))), "answered");
}

TEST(pgwire_first_answer, an_error_may_lack_a_message_and_its_last_zero) {
    EXPECT_EQ(judge(test::encode_error({"FATAL", "57P03", "", "", ""})), "57P03 ");
    EXPECT_EQ(judge(error_of(std::string("C57P03\0", 7))), "57P03 ");
}

TEST(pgwire_first_answer, what_another_node_may_take) {
    for (const char* code : {"57P01", "57P03", "53300"}) {
        EXPECT_TRUE(pgwire::is_another_nodes_chance(code)) << code;
    }
    for (const char* code : {"28P01", "57P02", "53200", "XX000", "08P01", "", "57P0"}) {
        EXPECT_FALSE(pgwire::is_another_nodes_chance(code)) << code;
    }
}

TEST(pgwire_first_answer, what_may_be_about_the_minor_version) {
    for (const char* code : {"XX000", "08P01", "0A000"}) {
        EXPECT_TRUE(pgwire::may_refuse_minor_version(code)) << code;
    }
    for (const char* code : {"28P01", "57P01", "53300", "XX001", "", "0A00"}) {
        EXPECT_FALSE(pgwire::may_refuse_minor_version(code)) << code;
    }
}

} // namespace
} // namespace roachpin
