#include "pgwire/error_response.hpp"
#include "support/pg_messages.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace roachpin {
namespace {

using namespace std::string_literals;
using pgwire::error_fields;

struct field {
    char code;
    std::string value;

    friend bool operator==(const field&, const field&) = default;
};

void PrintTo(const field& one, std::ostream* out) {
    *out << one.code << one.value;
}

/// The layout of an ErrorResponse, read by the book: 'E', the length, fields, a zero octet, and
/// nothing behind it.
std::vector<field> fields_of(const core::bytes& message) {
    std::string rest(core::as_text(message));
    if (rest.size() < 6 || rest[0] != 'E' ||
        test::decode_u32(rest.substr(1, 4)) + 1 != rest.size()) {
        ADD_FAILURE() << "no ErrorResponse";
        return {};
    }
    rest.erase(0, 5);
    std::vector<field> fields;
    while (rest.size() > 1 && rest[0] != '\0') {
        const auto end = rest.find('\0');
        if (end == std::string::npos) {
            break;
        }
        fields.push_back({rest[0], rest.substr(1, end - 1)});
        rest.erase(0, end + 1);
    }
    EXPECT_EQ(rest, "\0"s);
    return fields;
}

TEST(pgwire_error_response, fields_come_in_order_and_empty_ones_do_not) {
    struct row {
        const char* name;
        error_fields given;
        std::vector<field> expected; ///< behind severity
    };

    for (const auto& [name, given, expected] : {
             row{"everything",
                 {"08004", "refused", "expected A, presented B", "look at ca_file"},
                 {{'C', "08004"},
                  {'M', "refused"},
                  {'D', "expected A, presented B"},
                  {'H', "look at ca_file"}}},
             row{"no detail",
                 {"57P01", "draining", "", "retry"},
                 {{'C', "57P01"}, {'M', "draining"}, {'H', "retry"}}},
             row{"no hint",
                 {"53300", "full", "limit 10", ""},
                 {{'C', "53300"}, {'M', "full"}, {'D', "limit 10"}}},
             row{"the message alone",
                 {"08P01", "malformed", "", ""},
                 {{'C', "08P01"}, {'M', "malformed"}}},
             row{"a NUL ends a field",
                 {"08P01", "before\0after"s, "d\0"s, ""},
                 {{'C', "08P01"}, {'M', "before"}, {'D', "d"}}},
             row{"octets of any kind",
                 {"08P01", "\x01\xff\n", "", ""},
                 {{'C', "08P01"}, {'M', "\x01\xff\n"}}},
         }) {
        auto fields = fields_of(pgwire::encode_error_response(given));
        ASSERT_GE(fields.size(), 2U) << name;
        EXPECT_EQ(fields[0], (field{'S', "FATAL"})) << name;
        EXPECT_EQ(fields[1], (field{'V', "FATAL"})) << name;
        fields.erase(fields.begin(), fields.begin() + 2);
        EXPECT_EQ(fields, expected) << name;
    }
}

TEST(pgwire_error_response, a_field_that_begins_with_a_nul_is_empty_and_left_out) {
    auto fields = fields_of(pgwire::encode_error_response({"08P01", "m", "\0after"s, "\0"s}));
    EXPECT_EQ(fields,
              (std::vector<field>{{'S', "FATAL"}, {'V', "FATAL"}, {'C', "08P01"}, {'M', "m"}}));
}

TEST(pgwire_error_response, its_octets_are_those_of_the_protocol) {
    const auto message = pgwire::encode_error_response({"57P01", "bye", "", ""});
    EXPECT_EQ(core::as_text(message), "E\0\0\0\x1fSFATAL\0VFATAL\0C57P01\0Mbye\0\0"s);
}

TEST(pgwire_error_response, a_client_reads_it) {
    std::string octets(core::as_text(pgwire::encode_error_response(
        {pgwire::sqlstate::cannot_connect, "no node", std::string(5000, 'd'), "wait"})));
    const auto message = test::take_message(octets);
    ASSERT_TRUE(message);
    EXPECT_TRUE(octets.empty());
    EXPECT_EQ(message->type, 'E');
    const auto fields = test::parse_error(message->body);
    EXPECT_EQ(fields.severity, "FATAL");
    EXPECT_EQ(fields.code, "08001");
    EXPECT_EQ(fields.message, "no node");
    EXPECT_EQ(fields.detail, std::string(5000, 'd'));
    EXPECT_EQ(fields.hint, "wait");
}

} // namespace
} // namespace roachpin
