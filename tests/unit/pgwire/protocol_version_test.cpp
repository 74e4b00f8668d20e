#include "packets.hpp"
#include "pgwire/first_packet.hpp"
#include "pgwire/protocol_version.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roachpin {
namespace {

using core::as_bytes;

std::string text(const core::bytes& octets) {
    return std::string(core::as_text(octets));
}

std::string as_3_0(const std::string& opening) {
    return text(pgwire::as_protocol_3_0(as_bytes(opening)));
}

std::string negotiation(const std::string& opening) {
    return text(pgwire::encode_negotiate_protocol_version(as_bytes(opening)));
}

const test::parameter_map plain{{"application_name", "psql"}, {"database", ""}, {"user", "app"}};

test::parameter_map with_options() {
    auto all = plain;
    all.insert({{"_pq_.test_protocol_negotiation", ""}, {"_pq_.command_tag", "on"}});
    return all;
}

TEST(pgwire_protocol_version, only_the_version_and_the_protocol_options_change) {
    const auto wanted = test::startup_message(plain);
    EXPECT_EQ(as_3_0(test::startup_message(plain, test::protocol_3_2)), wanted);
    EXPECT_EQ(as_3_0(test::startup_message(with_options(), test::protocol_3_2)), wanted);
    EXPECT_EQ(as_3_0(test::startup_message(with_options(), 3U << 16 | 9999)), wanted);
    EXPECT_EQ(as_3_0(wanted), wanted);
    EXPECT_EQ(as_3_0(test::psql_startup), test::psql_startup); // in the client's own order
}

TEST(pgwire_protocol_version, a_message_may_have_no_other_parameter) {
    const auto empty = test::startup_message({});
    EXPECT_EQ(as_3_0(test::startup_message({}, test::protocol_3_2)), empty);
    EXPECT_EQ(as_3_0(test::startup_message({{"_pq_.a", "b"}}, test::protocol_3_2)), empty);
}

TEST(pgwire_protocol_version, what_is_no_option_stays) {
    for (const char* name : {"_pq_", "_pq_x", "_PQ_.a", "pq_.a", "x_pq_.a"}) {
        const test::parameter_map parameters{{name, "v"}};
        EXPECT_EQ(as_3_0(test::startup_message(parameters, test::protocol_3_2)),
                  test::startup_message(parameters))
            << name;
    }
    // Nor is a value.
    EXPECT_EQ(as_3_0(test::startup_message({{"user", "_pq_.a"}}, test::protocol_3_2)),
              test::startup_message({{"user", "_pq_.a"}}));
}

TEST(pgwire_protocol_version, what_came_behind_the_startup_message_is_untouched) {
    const std::string behind = test::query_message("select '_pq_.'") + std::string(3, '\0');
    EXPECT_EQ(as_3_0(test::startup_message(with_options(), test::protocol_3_2) + behind),
              test::startup_message(plain) + behind);
}

TEST(pgwire_protocol_version, the_result_is_a_startup_message) {
    const auto made = pgwire::as_protocol_3_0(
        as_bytes(test::startup_message(with_options(), test::protocol_3_2)));
    const auto packet = pgwire::parse_first_packet(made);
    const auto* message = std::get_if<pgwire::startup_message>(&packet.kind);
    ASSERT_NE(message, nullptr);
    EXPECT_EQ(message->minor_version, 0);
    EXPECT_EQ(message->user, "app");
    EXPECT_EQ(packet.size, made.size());
}

TEST(pgwire_protocol_version, the_negotiation_says_3_0_as_a_server_does) {
    EXPECT_EQ(negotiation(test::startup_message(plain, test::protocol_3_2)),
              std::string("v\0\0\0\x0c\0\3\0\0\0\0\0\0", 13));
}

TEST(pgwire_protocol_version, the_negotiation_names_the_options) {
    const auto wanted = test::encode_message(
        'v', test::encode_u32(test::protocol_3_0) + test::encode_u32(2) +
                 std::string("_pq_.command_tag\0_pq_.test_protocol_negotiation\0", 48));
    const auto startup = test::startup_message(with_options(), test::protocol_3_2);
    EXPECT_EQ(negotiation(startup), wanted);
    EXPECT_EQ(negotiation(startup + "_pq_.behind\0\0"), wanted);
    EXPECT_EQ(negotiation(test::startup_message(with_options())), wanted) << "whatever was asked";
}

} // namespace
} // namespace roachpin
