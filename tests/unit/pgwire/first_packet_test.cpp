#include "pgwire/first_packet.hpp"
#include "unit/pgwire/packets.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace roachpin {
namespace {

using namespace std::string_view_literals;
using core::as_bytes;
using pgwire::first_packet;
using pgwire::parse_first_packet;
using test::first_packet_of;

constexpr std::array kinds{"incomplete"sv,       "ssl_request"sv,    "gssenc_request"sv,
                           "tls_client_hello"sv, "cancel_request"sv, "startup_message"sv,
                           "malformed"sv};
static_assert(kinds.size() == std::variant_size_v<pgwire::first_packet_kind>);

std::string_view kind_of(const first_packet& packet) {
    return kinds.at(packet.kind.index());
}

first_packet parse(std::string_view octets) {
    return parse_first_packet(as_bytes(octets));
}

TEST(pgwire_first_packet, every_prefix_is_incomplete_and_the_whole_is_what_it_is) {
    for (const auto& [name, octets, kind] : test::real_packets()) {
        for (std::size_t size = 0; size < octets.size(); ++size) {
            const auto part = parse(std::string_view(octets).substr(0, size));
            ASSERT_EQ(kind_of(part), "incomplete") << name << ", " << size << " octets";
            ASSERT_EQ(part.size, 0U) << name << ", " << size << " octets";
        }
        for (const auto behind : {""sv, "\0"sv, "Q\0\0\0\4"sv}) {
            const auto whole = parse(octets + std::string(behind));
            EXPECT_EQ(kind_of(whole), kind) << name;
            EXPECT_EQ(whole.size, octets.size()) << name;
        }
    }
}

TEST(pgwire_first_packet, a_tls_record_is_known_by_its_first_octet) {
    for (std::size_t size = 1; size <= test::client_hello.size(); ++size) {
        const auto packet = parse(test::client_hello.substr(0, size));
        EXPECT_EQ(kind_of(packet), "tls_client_hello") << size;
        EXPECT_EQ(packet.size, 0U) << size;
    }
}

/// What is wrong is refused with the octet that makes it so, not when all that it promised came.
TEST(pgwire_first_packet, is_refused_as_early_as_its_octets_allow) {
    constexpr auto v3 = test::protocol_3_0;
    constexpr auto version = [](std::uint32_t major, std::uint32_t minor) {
        return major << 16 | minor;
    };

    struct row {
        const char* name;
        std::string octets;
        std::size_t refused_at;
    };

    for (const auto& [name, octets, refused_at] : {
             row{"length 0", first_packet_of(0, v3), 4},
             row{"length 1", first_packet_of(1, v3), 4},
             row{"length 2", first_packet_of(2, v3), 4},
             row{"length 3", first_packet_of(3, v3), 4},
             row{"length 4", first_packet_of(4, v3), 4},
             row{"length 5", first_packet_of(5, v3), 4},
             row{"length 6", first_packet_of(6, v3), 4},
             row{"length 7", first_packet_of(7, v3), 4},
             row{"length 10001", first_packet_of(10'001, v3), 4},
             row{"length 2^31", first_packet_of(0x80000000, v3), 4},
             row{"length 2^32 - 1", first_packet_of(0xffffffff, v3), 4},
             row{"HTTP", "GET / HTTP/1.1\r\n\r\n", 4},
             row{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", 4},
             row{"a typed message", test::query_message("SELECT 1"), 4},
             row{"protocol 0.0", first_packet_of(9, version(0, 0)), 8},
             row{"protocol 1.0", first_packet_of(9, version(1, 0)), 8},
             row{"protocol 2.0", first_packet_of(296, version(2, 0)), 8},
             row{"protocol 4.0", first_packet_of(9, version(4, 0)), 8},
             row{"protocol 1233.5679", first_packet_of(8, version(1233, 5679)), 8},
             row{"protocol 65535.65535", first_packet_of(8, version(0xffff, 0xffff)), 8},
             row{"request code 0", first_packet_of(8, version(1234, 0)), 8},
             row{"request code 5677", first_packet_of(8, version(1234, 5677)), 8},
             row{"request code 5681", first_packet_of(8, version(1234, 5681)), 8},
             row{"request code 65535", first_packet_of(8, version(1234, 0xffff)), 8},
             row{"CancelRequest of 8", first_packet_of(8, test::cancel_request_code), 8},
             row{"CancelRequest of 12", first_packet_of(12, test::cancel_request_code), 8},
             row{"CancelRequest of 15", first_packet_of(15, test::cancel_request_code), 8},
             row{"CancelRequest of 269", first_packet_of(269, test::cancel_request_code), 8},
             row{"CancelRequest of 10000", first_packet_of(10'000, test::cancel_request_code), 8},
         }) {
        for (std::size_t size = 0; size < refused_at; ++size) {
            EXPECT_EQ(kind_of(parse(octets.substr(0, size))), "incomplete")
                << name << ", " << size << " octets";
        }
        for (std::size_t size = refused_at; size <= octets.size(); ++size) {
            const auto packet = parse(octets.substr(0, size));
            EXPECT_EQ(kind_of(packet), "malformed") << name << ", " << size << " octets";
            EXPECT_EQ(packet.size, 0U) << name;
        }
    }
}

/// An announced length that cannot be right is not waited for.
TEST(pgwire_first_packet, an_encryption_request_of_another_length_is_refused_by_its_header) {
    for (const auto code : {test::ssl_request_code, test::gssenc_request_code}) {
        for (const std::uint32_t length : {9U, 16U, 10'000U}) {
            EXPECT_EQ(kind_of(parse(first_packet_of(length, code))), "malformed") << length;
            const auto whole = first_packet_of(code, std::string(length - 8, '\0'));
            EXPECT_EQ(kind_of(parse(whole)), "malformed") << length;
        }
    }
}

TEST(pgwire_first_packet, a_cancel_request_is_kept_as_it_came) {
    for (const std::size_t key_size : {4U, 32U, 256U}) {
        const auto octets = test::cancel_request_with_key(key_size);
        const auto packet = parse(octets + "more");
        const auto* cancel = std::get_if<pgwire::cancel_request>(&packet.kind);
        ASSERT_NE(cancel, nullptr) << key_size;
        EXPECT_EQ(core::as_text(cancel->packet), octets);
    }
}

TEST(pgwire_first_packet, a_startup_message_says_who_wants_what) {
    struct row {
        const char* name;
        std::string octets;
        std::uint16_t minor;
        std::string_view user;
        std::string_view database;
        std::string_view application_name;
    };

    constexpr auto v3 = test::protocol_3_0;
    for (const auto& [name, octets, minor, user, database, application_name] : {
             row{"psql", test::psql_startup, 0, "app", "bank", "psql"},
             row{"the user alone", test::startup_message({{"user", "app"}}), 0, "app", "", ""},
             row{"nobody", test::startup_message({}), 0, "", "", ""},
             row{"protocol 3.2", test::startup_message({{"user", "app"}}, v3 + 2), 2, "app", "",
                 ""},
             row{"protocol 3.9999", test::startup_message({{"user", "a"}}, v3 + 9999), 9999, "a",
                 "", ""},
             row{"protocol 3.65535", test::startup_message({{"user", "a"}}, v3 + 65535), 65535, "a",
                 "", ""},
             row{"empty values", first_packet_of(v3, "user\0\0database\0\0\0"sv), 0, "", "", ""},
             row{"the last of two counts, as in PostgreSQL",
                 first_packet_of(v3, "user\0a\0user\0b\0\0"sv), 0, "b", "", ""},
             row{"names are case-sensitive", first_packet_of(v3, "USER\0a\0user\0b\0\0"sv), 0, "b",
                 "", ""},
             row{"a value that is a name", first_packet_of(v3, "user\0database\0x\0user\0\0"sv), 0,
                 "database", "", ""},
             row{"protocol extensions", first_packet_of(v3 + 2, "_pq_.x\0on\0user\0a\0\0"sv), 2,
                 "a", "", ""},
             row{"octets of any kind", first_packet_of(v3, "user\0\xff\x1b[2J\0\0"sv), 0,
                 "\xff\x1b[2J", "", ""},
         }) {
        const auto packet = parse(octets);
        const auto* startup = std::get_if<pgwire::startup_message>(&packet.kind);
        ASSERT_NE(startup, nullptr) << name << ": " << kind_of(packet);
        EXPECT_EQ(startup->minor_version, minor) << name;
        EXPECT_EQ(startup->user, user) << name;
        EXPECT_EQ(startup->database, database) << name;
        EXPECT_EQ(startup->application_name, application_name) << name;
    }
}

TEST(pgwire_first_packet, a_startup_message_whose_parameters_are_broken_is_refused) {
    struct row {
        const char* name;
        std::string_view body;
    };

    for (const auto& [name, body] : {
             row{"nothing at all", ""},
             row{"no terminator behind the last value", "user\0app\0"sv},
             row{"a name that does not end", "user"},
             row{"a value that does not end", "user\0app"sv},
             row{"a name without a value", "user\0"sv},
             row{"a name without a value, at the end", "user\0app\0database\0"sv},
             row{"the terminator where a value is due", "user\0\0"sv},
             row{"an octet behind the terminator", "user\0app\0\0x"sv},
             row{"a zero behind the terminator", "user\0app\0\0\0"sv},
             row{"parameters behind the terminator", "user\0app\0\0database\0bank\0\0"sv},
             row{"an octet behind an empty list", "\0x"sv},
         }) {
        const auto packet = parse(first_packet_of(test::protocol_3_0, body));
        EXPECT_EQ(kind_of(packet), "malformed") << name;
        EXPECT_EQ(packet.size, 0U) << name;
    }
}

/// CockroachDB's own proxy vouches for its clients with crdb: parameters; an application may not.
TEST(pgwire_first_packet, crdb_parameters_are_refused_in_any_case_and_place) {
    struct row {
        const char* name;
        std::string_view body;
        std::string_view kind;
    };

    for (const auto& [name, body, kind] : {
             row{"as documented",
                 "crdb:remote_addr\0"
                 "10.1.2.3:4\0user\0a\0\0"sv,
                 "malformed"},
             row{"last", "user\0a\0crdb:session_revival_token_base64\0x\0\0"sv, "malformed"},
             row{"an unknown one", "user\0a\0crdb:x\0y\0\0"sv, "malformed"},
             row{"the prefix alone", "user\0a\0crdb:\0y\0\0"sv, "malformed"},
             row{"without a value", "user\0a\0crdb:x\0"sv, "malformed"},
             row{"upper case", "user\0a\0CRDB:REMOTE_ADDR\0x\0\0"sv, "malformed"},
             row{"mixed case", "user\0a\0CrDb:x\0y\0\0"sv, "malformed"},
             row{"another prefix", "user\0a\0xcrdb:x\0y\0\0"sv, "startup_message"},
             row{"without the colon", "user\0a\0crdb\0y\0\0"sv, "startup_message"},
             row{"a shorter name", "user\0a\0crd\0y\0\0"sv, "startup_message"},
             row{"in a value", "user\0crdb:a\0\0"sv, "startup_message"},
             row{"in the options", "options\0-c crdb:x=1\0user\0a\0\0"sv, "startup_message"},
         }) {
        EXPECT_EQ(kind_of(parse(first_packet_of(test::protocol_3_0, body))), kind) << name;
    }
}

/// Noise, half of it behind a header that could be right.
std::string noise(std::mt19937& random) {
    std::string octets;
    const auto codes = {test::protocol_3_0, test::ssl_request_code, test::cancel_request_code};
    if (random() % 2 == 0) {
        octets = first_packet_of(random() % 64, codes.begin()[random() % codes.size()]);
    }
    const auto size = octets.size() + random() % 64;
    while (octets.size() < size) {
        octets += static_cast<char>(random() % 4 == 0 ? 0 : random());
    }
    return octets;
}

TEST(pgwire_first_packet, a_verdict_does_not_change_with_what_comes_later) {
    std::mt19937 random(1); // NOLINT(cert-msc51-cpp): the same noise in each run
    for (int i = 0; i < 20'000; ++i) {
        const auto octets = noise(random);
        std::string_view verdict = "incomplete";
        std::size_t taken = 0;
        for (std::size_t size = 0; size <= octets.size(); ++size) {
            const auto packet = parse(std::string_view(octets).substr(0, size));
            ASSERT_LE(packet.size, size);
            if (verdict != "incomplete") {
                ASSERT_EQ(kind_of(packet), verdict) << i;
                ASSERT_EQ(packet.size, taken) << i;
            }
            verdict = kind_of(packet);
            taken = packet.size;
        }
    }
}

} // namespace
} // namespace roachpin
