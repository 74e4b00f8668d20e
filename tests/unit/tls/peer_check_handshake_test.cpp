#include "tls/certificate.hpp"
#include "tls/peer_check.hpp"
#include "unit/tls/pem.hpp"
#include "unit/tls/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unistd.h>

/// What a node must prove before and beside its certificate, and what it learns meanwhile.
namespace roachpin {
namespace {

using namespace std::string_literals;
using test::draft;
using test::judge;
using test::made;
using test::made_with;
using test::plain_options;
using test::plain_tls;
using test::scenario;
using test::verdict_of;
using test::whose;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using tls::peer_fault;

constexpr int client_hello = 1;
constexpr int certificate = 11;
constexpr int client_key_exchange = 16;
constexpr int certificate_verify = 15;
constexpr int finished = 20;

plain_options of_version(int version) {
    return {.min_version = version, .max_version = version};
}

std::string record(char type, std::string_view content) {
    const auto size = static_cast<std::uint16_t>(content.size());
    return type + "\x03\x03"s + static_cast<char>(size >> 8) + static_cast<char>(size & 0xff) +
           std::string(content);
}

std::string fatal_alert(char description) {
    return record(0x15, "\x02"s + description);
}

/// A ServerHello that chooses a version of its own.
std::string server_hello(char minor_version) {
    return record(0x16,
                  "\x02\0\0\x26\x03"s + minor_version + std::string(32, 'r') + "\0\xc0\x2b\0"s);
}

struct answer_row {
    const char* name;
    std::string octets;
    const char* verdict; ///< how it begins
    core::tls_version min_version = core::tls_version::v1_2;
};

/// The verdict on a node that answers a ClientHello with these octets and no more.
std::string verdict_on_answer(const std::string& octets, core::tls_version min_version) {
    auto setting = made({});
    setting.min_version = min_version;
    test::dial dialled(setting);
    EXPECT_TRUE(std::holds_alternative<tls::wants_read>(dialled.check->advance()));
    EXPECT_FALSE(dialled.sockets.received().empty());
    dialled.sockets.send(octets);
    const auto progress = dialled.check->advance();
    return verdict_of(progress);
}

TEST(tls_peer_check_handshake, an_answer_that_is_no_handshake_is_told_apart) {
    for (const auto& [name, octets, verdict, min_version] : {
             answer_row{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "not_tls: "},
             answer_row{"an ErrorResponse in clear",
                        "E\0\0\0\x08"
                        "SERR\0\0"s,
                        "not_tls: "},
             answer_row{"SSH", "SSH-2.0-OpenSSH_9.2p1\r\n", "not_tls: "},
             answer_row{"zeros", std::string(64, '\0'), "not_tls: "},
             answer_row{"the ClientHello sent back", server_hello(3).replace(5, 1, "\x01"),
                        "not_tls: "},
             answer_row{"application data", record(0x17, "hello"), "not_tls: "},
             answer_row{"alert handshake_failure", fatal_alert(40), "tls_alert: "},
             answer_row{"alert internal_error", fatal_alert(80), "tls_alert: "},
             answer_row{"alert unrecognized_name", fatal_alert(112), "tls_alert: "},
             answer_row{"alert protocol_version", fatal_alert(70),
                        "tls_version: TLS 1.2 or newer (min_tls) / "},
             answer_row{"ServerHello of SSL 3.0", server_hello(0), "tls_version: "},
             answer_row{"ServerHello of TLS 1.0", server_hello(1), "tls_version: "},
             answer_row{"ServerHello of TLS 1.1", server_hello(2), "tls_version: "},
             answer_row{"ServerHello of TLS 1.2 where 1.3 is the least", server_hello(3),
                        "tls_version: TLS 1.3 or newer (min_tls) / ", core::tls_version::v1_3},
         }) {
        EXPECT_THAT(verdict_on_answer(octets, min_version), StartsWith(verdict)) << name;
    }
}

TEST(tls_peer_check_handshake, versions_below_min_tls_are_refused_by_their_own_reason) {
    struct row {
        const char* name;
        core::tls_version least;
        int spoken;
        const char* verdict;
    };

    using core::tls_version;
    for (const auto& [name, least, spoken, verdict] : {
             row{"1.0 alone", tls_version::v1_2, TLS1_VERSION, "tls_version: TLS 1.2 or newer"},
             row{"1.1 alone", tls_version::v1_2, TLS1_1_VERSION, "tls_version: TLS 1.2 or newer"},
             row{"1.2", tls_version::v1_2, TLS1_2_VERSION, "verified"},
             row{"1.3 where 1.2 suffices", tls_version::v1_2, TLS1_3_VERSION, "verified"},
             row{"1.2 where 1.3 is due", tls_version::v1_3, TLS1_2_VERSION,
                 "tls_version: TLS 1.3 or newer"},
             row{"1.3 where 1.3 is due", tls_version::v1_3, TLS1_3_VERSION, "verified"},
         }) {
        auto setting = made({});
        setting.min_version = least;
        EXPECT_THAT(verdict_of(judge(setting, of_version(spoken))), StartsWith(verdict)) << name;
    }
}

TEST(tls_peer_check_handshake, a_node_that_goes_away_is_down_and_not_hostile) {
    struct row {
        const char* name;
        std::string last_octets;
        bool reads;
        const char* verdict;
    };

    for (const auto& [name, last_octets, reads, verdict] : {
             row{"at once", "", true, "cut: the node closed the connection"},
             row{"the ClientHello unread", "", false, "cut: the node broke the TLS handshake off"},
             row{"in the middle of a header", "\x16\x03", true, "cut: "},
             row{"in the middle of its ServerHello", server_hello(3).substr(0, 20), true, "cut: "},
             row{"with a close_notify", record(0x15, "\x01\0"s), true,
                 "cut: the node closed the connection"},
         }) {
        test::dial dialled(made({}));
        EXPECT_TRUE(std::holds_alternative<tls::wants_read>(dialled.check->advance())) << name;
        if (reads) {
            EXPECT_FALSE(dialled.sockets.received().empty()) << name;
        }
        dialled.sockets.send(last_octets);
        dialled.sockets.close_theirs();
        const auto progress = dialled.check->advance();
        EXPECT_THAT(verdict_of(progress), StartsWith(verdict)) << name;
    }
}

TEST(tls_peer_check_handshake, a_node_that_was_gone_already_is_down_and_not_hostile) {
    test::dial dialled(made({}));
    dialled.sockets.close_theirs();
    const auto progress = dialled.check->advance();
    EXPECT_THAT(verdict_of(progress), StartsWith("cut: the node broke the TLS handshake off"));
}

TEST(tls_peer_check_handshake, a_socket_that_takes_nothing_is_waited_for) {
    test::dial dialled(made({}));
    const std::string filler(4096, 'x');
    while (::write(dialled.sockets.ours(), filler.data(), filler.size()) > 0) {
    }
    EXPECT_TRUE(std::holds_alternative<tls::wants_write>(dialled.check->advance()));
    while (dialled.sockets.received().size() > 0) {
    }
    EXPECT_TRUE(std::holds_alternative<tls::wants_read>(dialled.check->advance()));
    EXPECT_EQ(dialled.sockets.received().substr(0, 2), "\x16\x03");
}

TEST(tls_peer_check_handshake, ciphers_without_a_certificate_or_encryption_are_not_spoken) {
    for (const auto* ciphers : {"aNULL:@SECLEVEL=0", "eNULL:@SECLEVEL=0"}) {
        const plain_options node{.max_version = TLS1_2_VERSION, .ciphers = ciphers};
        EXPECT_THAT(verdict_of(judge(made({}), node)), StartsWith("tls_alert: ")) << ciphers;
    }
}

TEST(tls_peer_check_handshake, a_group_of_1024_bits_is_weak) {
    const auto rsa = made_with([](draft& d) { d.leaf.key = test::key_type::rsa_2048; });
    const plain_options node{.max_version = TLS1_2_VERSION,
                             .ciphers = "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0",
                             .small_dh = true};
    EXPECT_THAT(verdict_of(judge(rsa, node)), StartsWith("weak: "));
}

/// What came of a node that presents another's certificate: it has seen one, its key it has not.
struct theft {
    std::string verdict;
    std::vector<int> heard;
};

theft attempt_theft(int version) {
    auto setting = made({});
    setting.client = test::self_signed({});
    test::dial dialled(setting);
    auto options = of_version(version);
    options.asks_for_certificate = true;
    plain_tls node(plain_tls::role::server, options, dialled.sockets.theirs());
    const auto stolen = test::certificate_of(setting.node.certificate_pem);
    const auto key = test::key_with_public_part_of(setting.node, test::self_signed({}));
    EXPECT_EQ(SSL_use_certificate(node.get(), stolen.get()), 1);
    EXPECT_EQ(SSL_use_PrivateKey(node.get(), key.get()), 1);
    const auto progress = shake_hands(dialled, node);
    return {verdict_of(progress), node.heard()};
}

/// A certificate is public: whoever has seen one can send it. The key has to sign the handshake.
TEST(tls_peer_check_handshake, a_certificate_without_its_key_is_no_proof) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const auto [verdict, heard] = attempt_theft(version);
        EXPECT_THAT(verdict, HasSubstr("bad signature"));
        EXPECT_THAT(heard, ElementsAre(client_hello));
    }
}

TEST(tls_peer_check_handshake, a_signature_that_does_not_hold_is_not_called_no_tls) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        EXPECT_THAT(attempt_theft(version).verdict, StartsWith("verification_failed: "));
    }
}

class tls_client_certificate : public testing::TestWithParam<int> {
protected:
    /// A scenario with a certificate of ours for the node.
    static scenario with_client(void (*change)(draft&)) {
        auto setting = made_with(change);
        test::certificate_request request;
        request.common_name = "app";
        setting.client = test::self_signed(request);
        return setting;
    }

    /// What the node heard of us, and whom it took us for.
    struct heard_by_node {
        std::string verdict;
        std::vector<int> messages;
        std::string subject;
        std::optional<int> alert;
    };

    static heard_by_node dial_a_node_that_asks(const scenario& setting) {
        test::dial dialled(setting);
        auto options = of_version(GetParam());
        options.presents = setting.node;
        options.asks_for_certificate = true;
        plain_tls node(plain_tls::role::server, options, dialled.sockets.theirs());
        const auto progress = shake_hands(dialled, node);
        return {verdict_of(progress), node.heard(), node.peer_subject(), node.alert()};
    }
};

TEST_P(tls_client_certificate, is_shown_to_a_node_that_proved_itself) {
    const auto heard = dial_a_node_that_asks(with_client([](draft&) {}));
    EXPECT_EQ(heard.verdict, "verified");
    EXPECT_EQ(heard.subject, "/O=Cockroach/CN=app");
    EXPECT_THAT(heard.messages, testing::Contains(certificate_verify));
}

TEST_P(tls_client_certificate, is_not_there_to_be_shown_where_none_is_configured) {
    const auto heard = dial_a_node_that_asks(made({}));
    EXPECT_EQ(heard.verdict, "verified");
    EXPECT_EQ(heard.subject, "");
}

/// The verdict falls inside the handshake: a node that fails hears an alert and nothing else.
TEST_P(tls_client_certificate, and_anything_else_is_kept_from_a_node_that_failed) {
    const auto failing = {
        with_client([](draft& d) { d.signer = whose::stranger; }),
        with_client([](draft& d) { d.leaf.dns_sans = {"other.internal"}; }),
        with_client([](draft& d) { d.leaf.eku = test::extended_key_usage::none; }),
        with_client([](draft& d) { d.leaf.is_ca = true; }),
        with_client([](draft& d) {
            d.crls = {{whose::root, {whose::leaf}}};
        }),
        with_client([](draft& d) { d.pins = {whose::stranger}; }),
        with_client([](draft& d) { d.revoked = {whose::leaf}; }),
    };
    for (const auto& setting : failing) {
        const auto heard = dial_a_node_that_asks(setting);
        EXPECT_THAT(heard.verdict, testing::Not("verified"));
        EXPECT_THAT(heard.messages, ElementsAre(client_hello)) << heard.verdict;
        EXPECT_TRUE(heard.alert) << heard.verdict;
        EXPECT_EQ(heard.subject, "") << heard.verdict;
    }
}

INSTANTIATE_TEST_SUITE_P(, tls_client_certificate, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                             return version.param == TLS1_2_VERSION ? "tls_1_2" : "tls_1_3";
                         });

TEST(tls_peer_check_handshake, sni_is_sent_for_a_name_and_not_for_an_address) {
    struct row {
        const char* host;
        std::optional<std::string> sni;
    };

    for (const auto& [host, sni] : {
             row{"crdb-0.crdb.internal", "crdb-0.crdb.internal"},
             row{"CRDB-0.crdb.internal.", "crdb-0.crdb.internal"},
             row{"10.1.2.3", std::nullopt},
             row{"fd00::1", std::nullopt},
         }) {
        draft words{.host = host};
        words.leaf.ip_sans = {"10.1.2.3", "fd00::1"};
        const auto setting = made(words);
        test::dial dialled(setting);
        plain_tls node(plain_tls::role::server, {.presents = setting.node},
                       dialled.sockets.theirs());
        const auto progress = shake_hands(dialled, node);
        EXPECT_EQ(verdict_of(progress), "verified") << host;
        EXPECT_EQ(node.sni(), sni) << host;
    }
}

TEST(tls_peer_check_handshake, a_verified_peer_knows_what_was_proved) {
    const auto setting = made_with([](draft& d) {
        d.host = "CRDB-0.crdb.internal";
        d.leaf.not_after = std::chrono::hours(24 * 30);
    });
    auto progress = judge(setting, of_version(TLS1_2_VERSION));
    const auto* peer = std::get_if<tls::verified_peer>(&progress);
    ASSERT_NE(peer, nullptr) << verdict_of(progress);
    const auto& facts = peer->facts();
    EXPECT_EQ(facts.host.text(), "crdb-0.crdb.internal");
    EXPECT_EQ(facts.subject, "CN=node,O=Cockroach");
    EXPECT_EQ(facts.issuer, "CN=Cockroach CA,O=Cockroach");
    EXPECT_EQ(facts.leaf_key.to_base64(), test::spki_sha256_base64(setting.node.certificate_pem));
    EXPECT_EQ(facts.not_after,
              tls::not_after_of(*test::certificate_of(setting.node.certificate_pem)));
    EXPECT_EQ(facts.tls_version, "TLSv1.2");

    auto newest = judge(setting);
    ASSERT_TRUE(std::holds_alternative<tls::verified_peer>(newest));
    EXPECT_EQ(std::get<tls::verified_peer>(newest).facts().tls_version, "TLSv1.3");
}

/// What remains of a dial when its check and context are gone.
struct connection {
    explicit connection(int version) : connection(version, made({})) {}

    connection(int version, const scenario& setting) : dialled(setting) {
        auto options = of_version(version);
        options.presents = setting.node;
        options.asks_for_certificate = true;
        node.emplace(plain_tls::role::server, options, dialled.sockets.theirs());
        auto progress = shake_hands(dialled, *node);
        tls = std::get<tls::verified_peer>(std::move(progress)).release_tls();
        dialled.check.reset();
        dialled.context.reset();
    }

    std::string read() const {
        std::array<char, 64> octets{};
        const int size = SSL_read(tls.get(), octets.data(), static_cast<int>(octets.size()));
        return {octets.data(), static_cast<std::size_t>(std::max(size, 0))};
    }

    test::dial dialled;
    std::optional<plain_tls> node;
    tls::ssl_ptr tls;
};

TEST(tls_peer_check_handshake, the_connection_outlives_its_check) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const connection established(version);
        EXPECT_EQ(SSL_get_app_data(established.tls.get()), nullptr); // nothing points to the check
        ASSERT_EQ(SSL_write(established.tls.get(), "ping", 4), 4);
        std::array<char, 4> ping{};
        ASSERT_EQ(SSL_read(established.node->get(), ping.data(), 4), 4);
        ASSERT_EQ(SSL_write(established.node->get(), "pong", 4), 4);
        EXPECT_EQ(established.read(), "pong");
    }
}

/// A renegotiation would let a node show another certificate when nobody looks any more.
TEST(tls_peer_check_handshake, a_node_cannot_begin_again) {
    const connection established(TLS1_2_VERSION);
    auto* node = established.node->get();
    ASSERT_EQ(SSL_renegotiate(node), 1);
    SSL_do_handshake(node);
    EXPECT_EQ(established.read(), "");
    std::array<char, 1> octet{};
    EXPECT_LE(SSL_read(node, octet.data(), 1), 0);
    EXPECT_EQ(established.node->alert(), SSL_AD_NO_RENEGOTIATION);
    EXPECT_THAT(established.node->heard(),
                ElementsAre(client_hello, certificate, client_key_exchange, finished));
}

} // namespace
} // namespace roachpin
