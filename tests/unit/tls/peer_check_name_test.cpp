#include "unit/tls/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// Which names and addresses a certificate proves (RFC 6125, RFC 9525), through real handshakes.
namespace roachpin {
namespace {

using namespace std::string_literals;
using strings = std::vector<std::string>;

struct named {
    const char* name;
    std::string host;
    strings dns;
    strings ip{};
    std::string common_name = "node";
};

void PrintTo(const named& row, std::ostream* out) {
    *out << row.name;
}

std::string verdict_on(const named& row) {
    test::draft words{.host = row.host};
    words.leaf.dns_sans = row.dns;
    words.leaf.ip_sans = row.ip;
    words.leaf.common_name = row.common_name;
    return test::verdict_of(judge(made(words)));
}

const std::string host = "crdb-0.crdb.internal";
const std::string ip = "10.1.2.3";

const named proved[] = {
    {"the_exact_name", host, {host}},
    {"a_name_in_other_case", "crdb-0.CRDB.internal", {"CRDB-0.Crdb.INTERNAL"}},
    {"one_of_several_names", host, {"localhost", "other.internal", host}},
    {"a_name_beside_addresses", host, {host}, {"127.0.0.1", "::1"}},
    {"a_wildcard_as_the_whole_leftmost_label", host, {"*.crdb.internal"}},
    {"a_wildcard_in_other_case", host, {"*.CRDB.internal"}},
    {"a_wildcard_over_xn", "xn--bcher-kva.crdb.internal", {"*.crdb.internal"}},
    {"a_name_with_an_underscore", "crdb_0.crdb.internal", {"crdb_0.crdb.internal"}},
    {"an_ipv4_address", ip, {}, {ip}},
    {"an_ipv4_address_asked_for_as_mapped", "::ffff:10.1.2.3", {}, {ip}},
    {"an_ipv6_address", "fd00:1::2", {}, {"fd00:1::2"}},
    {"an_ipv6_address_spelt_otherwise", "FD00:1::0:2", {}, {"fd00:1:0:0:0:0:0:2"}},
    {"one_of_several_addresses", ip, {host}, {"127.0.0.1", "fd00::1", ip}},
};

const named refused[] = {
    {"another_name", host, {"other.crdb.internal"}},
    {"another_node_of_the_same_ca", host, {"crdb-1.crdb.internal", "localhost"}, {"127.0.0.1"}},
    {"the_parent_domain", host, {"crdb.internal"}},
    {"the_first_label", host, {"crdb-0"}},
    {"a_longer_name", host, {host + ".evil.example"}},
    {"a_name_behind_a_nul", host, {host + "\0.evil.example"s}},
    {"a_nul_at_the_end", host, {host + "\0"s}},
    {"a_trailing_dot", host, {host + "."}},
    {"a_leading_dot", host, {".crdb.internal"}},
    {"an_empty_name", host, {""}},
    {"a_blank_behind", host, {host + " "}},
    {"the_common_name_without_sans", host, {}, {}, host},
    {"the_common_name_beside_another_san", host, {"other.crdb.internal"}, {}, host},
    {"the_common_name_beside_an_address", host, {}, {ip}, host},
    {"a_wildcard_in_the_common_name", host, {}, {}, "*.crdb.internal"},
    {"a_wildcard_that_ends_a_label", host, {"crdb-*.crdb.internal"}},
    {"a_wildcard_that_begins_a_label", host, {"*-0.crdb.internal"}},
    {"a_wildcard_inside_a_label", host, {"cr*-0.crdb.internal"}},
    {"a_wildcard_that_is_not_leftmost", host, {"crdb-0.*.internal"}},
    {"a_wildcard_for_two_labels", host, {"*.internal"}},
    {"a_wildcard_for_no_label", host, {"*.crdb-0.crdb.internal"}},
    {"two_wildcards", host, {"*.*.internal"}},
    {"a_doubled_wildcard", host, {"**.crdb.internal"}},
    {"a_wildcard_for_everything", host, {"*"}},
    {"an_ip_in_a_dns_name", ip, {ip}},
    {"an_ip_in_the_common_name", ip, {}, {}, ip},
    {"an_ip_in_the_common_name_beside_a_name", ip, {host}, {}, ip},
    {"an_ip_under_a_wildcard", ip, {"*.1.2.3"}},
    {"another_ip", ip, {}, {"10.1.2.4"}},
    {"another_ipv6", "fd00::1", {}, {"fd00::2"}},
    {"an_ipv4_compatible_ipv6", ip, {}, {"::10.1.2.3"}},
    {"a_name_where_an_ip_is_due", ip, {host}},
    {"an_ip_where_a_name_is_due", host, {}, {ip}},
};

class tls_peer_check_proved_names : public testing::TestWithParam<named> {};

TEST_P(tls_peer_check_proved_names, is_carried) {
    EXPECT_EQ(verdict_on(GetParam()), "verified");
}

INSTANTIATE_TEST_SUITE_P(, tls_peer_check_proved_names, testing::ValuesIn(proved),
                         test::name_of_row);

class tls_peer_check_other_names : public testing::TestWithParam<named> {};

TEST_P(tls_peer_check_other_names, is_not_carried) {
    EXPECT_THAT(verdict_on(GetParam()),
                testing::StartsWith("wrong_name: " + GetParam().host + " among the SANs / "));
}

INSTANTIATE_TEST_SUITE_P(, tls_peer_check_other_names, testing::ValuesIn(refused),
                         test::name_of_row);

TEST(tls_peer_check_names, the_operator_is_told_what_was_presented) {
    EXPECT_EQ(verdict_on({"", host, {"other.internal", "a\0b"s}, {ip}}),
              "wrong_name: crdb-0.crdb.internal among the SANs / DNS:other.internal, "
              "DNS:a\\x00b, IP:10.1.2.3 (CN=node,O=Cockroach; the CN is not looked at)");
    EXPECT_EQ(verdict_on({"", host, {}, {}, host}),
              "wrong_name: crdb-0.crdb.internal among the SANs / none "
              "(CN=crdb-0.crdb.internal,O=Cockroach; the CN is not looked at)");
}

} // namespace
} // namespace roachpin
