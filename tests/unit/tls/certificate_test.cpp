#include "tls/certificate.hpp"
#include "unit/tls/pem.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using test::certificate_request;
using test::extended_key_usage;

tls::x509_ptr made(const certificate_request& request) {
    return test::certificate_of(test::self_signed(request).certificate_pem);
}

TEST(tls_certificate, subject_and_issuer_are_written_as_rfc_2253_does) {
    const test::certificate_authority ca("Cockroach CA");
    const auto leaf = test::certificate_of(ca.issue({}).certificate_pem);
    EXPECT_EQ(tls::subject_of(*leaf), "CN=node,O=Cockroach");
    EXPECT_EQ(tls::issuer_of(*leaf), "CN=Cockroach CA,O=Cockroach");
}

/// The commonest impostor is another authority of the same name.
TEST(tls_certificate, keys_tell_authorities_of_one_name_apart) {
    const test::certificate_authority ours("Cockroach CA");
    const test::certificate_authority theirs("Cockroach CA");
    const auto root = test::certificate_of(ours.certificate_pem());
    const auto leaf = test::certificate_of(ours.issue({}).certificate_pem);
    const auto foreign = test::certificate_of(theirs.issue({}).certificate_pem);
    EXPECT_EQ(tls::issuer_key_of(*leaf), tls::subject_key_of(*root));
    EXPECT_NE(tls::issuer_key_of(*leaf), tls::issuer_key_of(*foreign));
    EXPECT_EQ(tls::subject_key_of(*root).size(), std::string(" (key 0123456789abcdef)").size());
}

/// The other side chose these texts; they end up in logs and in front of people.
TEST(tls_certificate, texts_of_a_peer_are_printable) {
    struct row {
        const char* name;
        std::string common_name;
    };

    for (const auto& [name, common_name] : {
             row{"a line of its own", "x\nerror forged"},
             row{"ESC", "\x1b[2J"},
             row{"UTF-8", "b\xc3\xbc"
                          "cher"},
             row{"CSI in UTF-8", "\xc2\x9b"
                                 "2J"},
         }) {
        const auto certificate = made({.common_name = common_name, .dns_sans = {common_name}});
        for (const auto& text : {tls::subject_of(*certificate), tls::issuer_of(*certificate),
                                 tls::names_of(*certificate)}) {
            EXPECT_TRUE(
                std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; }))
                << name << ": " << text;
        }
    }
}

TEST(tls_certificate, an_empty_subject_is_said) {
    EXPECT_EQ(tls::subject_of(*made({.common_name = "", .organization = ""})), "(empty)");
}

TEST(tls_certificate, names_are_listed_with_their_kind) {
    struct row {
        std::vector<std::string> dns;
        std::vector<std::string> ip;
        std::string text;
    };

    for (const auto& [dns, ip, text] : {
             row{{}, {}, "none"},
             row{{"crdb-0.crdb.internal"}, {}, "DNS:crdb-0.crdb.internal"},
             row{{"a", "*.b"}, {"10.1.2.3", "fd00::1"}, "DNS:a, DNS:*.b, IP:10.1.2.3, IP:fd00::1"},
             row{{"10.1.2.3"}, {}, "DNS:10.1.2.3"},
             row{{std::string("a\0b", 3)}, {}, "DNS:a\\x00b"},
         }) {
        EXPECT_EQ(tls::names_of(*made({.dns_sans = dns, .ip_sans = ip})), text);
    }
}

TEST(tls_certificate, ten_thousand_names_are_not_all_listed) {
    const auto certificate =
        made({.dns_sans = std::vector<std::string>(10'000, "crdb-0.crdb.internal")});
    const auto text = tls::names_of(*certificate);
    EXPECT_LT(text.size(), 600U);
    EXPECT_TRUE(text.ends_with(", …")) << text;
}

TEST(tls_certificate, the_key_s_identity_is_that_of_its_pin) {
    const auto identity = test::self_signed({});
    EXPECT_EQ(tls::spki_of(*test::certificate_of(identity.certificate_pem)).to_base64(),
              test::spki_sha256_base64(identity.certificate_pem));
}

TEST(tls_certificate, dates_are_those_of_its_validity) {
    const auto now = std::chrono::system_clock::now();
    // Beyond 2049 a date is of another ASN.1 type.
    const auto certificate = made({.not_before = -2h, .not_after = 24h * 365 * 30});
    EXPECT_LE(std::chrono::abs(tls::not_before_of(*certificate) - (now - 2h)), 1min);
    EXPECT_LE(std::chrono::abs(tls::not_after_of(*certificate) - (now + 24h * 365 * 30)), 1min);
}

TEST(tls_certificate, a_time_is_written_in_utc) {
    using std::chrono::system_clock;
    EXPECT_EQ(tls::to_string(system_clock::from_time_t(1801310400)), "2027-01-30 12:00:00 UTC");
    EXPECT_EQ(tls::to_string(system_clock::from_time_t(0)), "1970-01-01 00:00:00 UTC");
}

TEST(tls_certificate, carries_a_host_among_its_sans_alone) {
    struct row {
        const char* host;
        std::vector<std::string> dns;
        std::vector<std::string> ip;
        bool carried;
    };

    for (const auto& [host, dns, ip, carried] : {
             row{"crdb.internal", {"crdb.internal"}, {}, true},
             row{"crdb.internal", {"CRDB.INTERNAL"}, {}, true},
             row{"a.crdb.internal", {"*.crdb.internal"}, {}, true},
             row{"crdb.internal", {"*.crdb.internal"}, {}, false},
             row{"a.b.crdb.internal", {"*.crdb.internal"}, {}, false},
             row{"ab.crdb.internal", {"a*.crdb.internal"}, {}, false},
             row{"node", {"other"}, {}, false}, // the CN is "node"
             row{"node", {}, {"10.1.2.3"}, false},
             row{"10.1.2.3", {"other"}, {"10.1.2.3"}, true},
             row{"10.1.2.3", {"10.1.2.3"}, {}, false},
             row{"10.1.2.3", {"*.1.2.3"}, {}, false},
             row{"fd00::1", {}, {"fd00:0::1"}, true},
             row{"::ffff:10.1.2.3", {}, {"10.1.2.3"}, true},
             row{"::1", {}, {"127.0.0.1"}, false},
         }) {
        const auto certificate = made({.dns_sans = dns, .ip_sans = ip});
        EXPECT_EQ(tls::carries(*certificate, core::host_name::parse(host).value()), carried)
            << host << " among " << tls::names_of(*certificate);
    }
}

TEST(tls_certificate, without_sans_the_common_name_is_not_looked_at) {
    const auto certificate = made({.common_name = "crdb.internal"});
    EXPECT_FALSE(tls::carries(*certificate, core::host_name::parse("crdb.internal").value()));
}

TEST(tls_certificate, server_auth_has_to_be_listed) {
    struct row {
        extended_key_usage eku;
        bool allowed;
    };

    for (const auto& [eku, allowed] : {
             row{extended_key_usage::none, false},
             row{extended_key_usage::client, false},
             row{extended_key_usage::any, false},
             row{extended_key_usage::server, true},
             row{extended_key_usage::server_and_client, true},
         }) {
        EXPECT_EQ(tls::allows_server_auth(*made({.eku = eku})), allowed) << static_cast<int>(eku);
    }
}

TEST(tls_certificate, may_sign_in_any_of_the_ways_openssl_knows) {
    struct row {
        const char* name;
        bool is_ca;
        bool basic_constraints;
        std::optional<std::string> key_usage;
        bool signs;
    };

    for (const auto& [name, is_ca, basic_constraints, key_usage, signs] : {
             row{"a leaf", false, true, std::nullopt, false},
             row{"a leaf that says nothing", false, false, "", false},
             row{"a ca", true, true, std::nullopt, true},
             row{"a ca that says nothing of its key", true, true, "", true},
             row{"keyCertSign without basicConstraints", false, false, "keyCertSign", true},
         }) {
        const auto certificate =
            made({.is_ca = is_ca, .basic_constraints = basic_constraints, .key_usage = key_usage});
        EXPECT_EQ(tls::may_sign(*certificate), signs) << name;
    }
}

} // namespace
} // namespace roachpin
