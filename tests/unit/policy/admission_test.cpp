#include "policy/admission.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roachpin {
namespace {

using policy::admission_rules;
using policy::client_identity;

std::vector<core::cidr> networks(const std::vector<const char*>& texts) {
    std::vector<core::cidr> parsed;
    for (const auto* text : texts) {
        parsed.push_back(core::cidr::parse(text).value());
    }
    return parsed;
}

client_identity from(const char* address) {
    return {.address = core::ip_address::parse(address).value(), .uid = std::nullopt};
}

client_identity of_uid(uid_t uid) {
    return {.address = std::nullopt, .uid = uid};
}

/// "expected / presented", or nothing where the client is let in.
std::string verdict(const std::optional<policy::admission_refusal>& refusal) {
    return refusal ? refusal->expected + " / " + refusal->presented : "";
}

TEST(policy_admission, a_peer_is_let_in_by_its_address_or_its_uid) {
    const auto loopback = networks({"127.0.0.0/8", "::1/128"});

    struct row {
        const char* name;
        admission_rules rules;
        client_identity client;
        const char* refusal;
    };

    for (const auto& [name, rules, client, refusal] : {
             row{"inside the first network", {loopback, {}}, from("127.0.0.1"), ""},
             row{"inside the last network", {loopback, {}}, from("::1"), ""},
             row{"mapped into the first network", {loopback, {}}, from("::ffff:127.0.0.1"), ""},
             row{"inside none",
                 {loopback, {}},
                 from("10.1.2.3"),
                 "a client address in 127.0.0.0/8, ::1/128 (allow_from) / 10.1.2.3"},
             row{"inside none, IPv6",
                 {loopback, {}},
                 from("fd00::1"),
                 "a client address in 127.0.0.0/8, ::1/128 (allow_from) / fd00::1"},
             row{"everybody", {networks({"0.0.0.0/0"}), {}}, from("10.1.2.3"), ""},
             row{"everybody but in the other family",
                 {networks({"0.0.0.0/0"}), {}},
                 from("::1"),
                 "a client address in 0.0.0.0/0 (allow_from) / ::1"},
             row{"no network at all",
                 {{}, {}},
                 from("127.0.0.1"),
                 "a client address in  (allow_from) / 127.0.0.1"},
             row{"an address is not let in by a list of uids",
                 {{}, {0, 1000}},
                 from("127.0.0.1"),
                 "a client address in  (allow_from) / 127.0.0.1"},
             row{"no list of uids lets every uid in", {loopback, {}}, of_uid(1000), ""},
             row{"the only uid", {{}, {1000}}, of_uid(1000), ""},
             row{"the last of several uids", {{}, {0, 33, 1000}}, of_uid(1000), ""},
             row{"another uid",
                 {{}, {1000}},
                 of_uid(1001),
                 "a client of uid 1000 (allow_uids) / uid 1001"},
             row{"root is not above the list",
                 {{}, {33, 1000}},
                 of_uid(0),
                 "a client of uid 33, 1000 (allow_uids) / uid 0"},
             row{"neither address nor uid",
                 {loopback, {}},
                 {},
                 "a client with an address or a uid / neither"},
             row{"neither, and nobody is named",
                 {{}, {}},
                 {},
                 "a client with an address or a uid / neither"},
         }) {
        EXPECT_EQ(verdict(policy::refuse_peer(rules, client)), refusal) << name;
    }
}

TEST(policy_admission, clear_text_is_let_in_where_tls_is_not_required) {
    struct row {
        bool required;
        bool encrypted;
        const char* refusal;
    };

    for (const auto& [required, encrypted, refusal] : {
             row{false, false, ""},
             row{false, true, ""},
             row{true, true, ""},
             row{true, false, "TLS (tls.required or client_ca_file) / a connection in clear"},
         }) {
        const admission_rules rules{.tls_required = required};
        EXPECT_EQ(verdict(policy::refuse_plaintext(rules, encrypted)), refusal);
    }
}

} // namespace
} // namespace roachpin
