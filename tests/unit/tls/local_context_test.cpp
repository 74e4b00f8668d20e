#include "tls/local_certificate.hpp"
#include "tls/local_context.hpp"
#include "unit/tls/pem.hpp"
#include "unit/tls/plain_tls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::certificate_authority;
using test::plain_options;
using test::plain_tls;
using test::socket_pair;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int no_application_protocol = 120;
constexpr int protocol_version = 70;

const certificate_authority& client_ca() {
    static const certificate_authority made("Client CA");
    return made;
}

/// A listener's context; with `demands`, its clients must be of `client_ca()`.
tls::local_context listener(bool demands = false) {
    const auto identity =
        tls::make_local_certificate(std::nullopt, std::chrono::system_clock::now());
    return tls::local_context::make(identity,
                                    demands ? test::certificates_of(client_ca().certificate_pem())
                                            : std::vector<tls::x509_ptr>())
        .value();
}

/// A client's connection to a listener.
struct accepted {
    accepted(const tls::local_context& context, const plain_options& options)
        : handshake(context, sockets.ours()),
          client(plain_tls::role::client, options, sockets.theirs()) {}

    tls::local_progress shake_hands() {
        for (int turn = 0; turn < 100; ++turn) {
            client.advance();
            auto progress = handshake.advance();
            if (std::holds_alternative<tls::client_tls>(progress) ||
                std::holds_alternative<tls::local_handshake_failed>(progress)) {
                client.advance();
                return progress;
            }
        }
        throw std::runtime_error("a handshake without an end");
    }

    socket_pair sockets{};
    tls::local_handshake handshake;
    plain_tls client;
};

/// "established", with "alpn" and the certificate's fault where there are any, or the failure.
std::string verdict_of(const tls::local_progress& progress) {
    if (const auto* failed = std::get_if<tls::local_handshake_failed>(&progress)) {
        return failed->sentence;
    }
    const auto& done = std::get<tls::client_tls>(progress);
    return "established"s + (done.alpn ? ", alpn" : "") +
           (done.certificate_fault ? ", " + *done.certificate_fault : "");
}

const plain_options tls_1_2_alone{.max_version = TLS1_2_VERSION};

TEST(tls_local_context, an_application_gets_tls_of_either_version) {
    const auto context = listener();
    for (const auto& options : {plain_options{}, tls_1_2_alone}) {
        accepted one(context, options);
        const auto progress = one.shake_hands();
        EXPECT_EQ(verdict_of(progress), "established");
        EXPECT_TRUE(one.client.established());
        EXPECT_EQ(one.client.peer_subject(), "/CN=roachpin local");
    }
}

TEST(tls_local_context, versions_and_ciphers_below_its_own_are_refused) {
    const auto context = listener();
    accepted old(context, {.max_version = TLS1_1_VERSION});
    EXPECT_THAT(verdict_of(old.shake_hands()), StartsWith("the client's TLS handshake failed: "));
    EXPECT_EQ(old.client.alert(), protocol_version);

    accepted anonymous(context, {.max_version = TLS1_2_VERSION, .ciphers = "aNULL:@SECLEVEL=0"});
    EXPECT_THAT(verdict_of(anonymous.shake_hands()), HasSubstr("no shared cipher"));
}

TEST(tls_local_context, postgresql_is_the_only_protocol_there_is) {
    struct row {
        const char* name;
        std::string offered;
        const char* verdict;
        std::optional<int> alert;
    };

    const auto context = listener();
    for (const auto& [name, offered, verdict, alert] : {
             row{"none offered", "", "established", std::nullopt},
             row{"offered alone", "\x0apostgresql", "established, alpn", std::nullopt},
             row{"offered last", "\x02h2\x0apostgresql", "established, alpn", std::nullopt},
             row{"another", "\x02h2", "the client's TLS handshake failed: no application protocol",
                 no_application_protocol},
             row{"one that begins alike", "\x0bpostgresqlx",
                 "the client's TLS handshake failed: no application protocol",
                 no_application_protocol},
             row{"in other case", "\x0aPostgreSQL",
                 "the client's TLS handshake failed: no application protocol",
                 no_application_protocol},
         }) {
        for (auto options : {plain_options{}, tls_1_2_alone}) {
            options.alpn = offered;
            accepted one(context, options);
            EXPECT_EQ(verdict_of(one.shake_hands()), verdict) << name;
            EXPECT_EQ(one.client.alert(), alert) << name;
            EXPECT_EQ(one.client.alpn(),
                      one.client.established() && !offered.empty() && !alert ? "postgresql" : "")
                << name;
        }
    }
}

test::identity client_with(
    const certificate_authority& ca, void (*change)(test::certificate_request&) = [](auto&) {}) {
    test::certificate_request request;
    request.common_name = "app";
    request.eku = test::extended_key_usage::client;
    change(request);
    return ca.issue(request);
}

/// The handshake is completed all the same, so that the client can be told in words.
TEST(tls_local_context, a_client_certificate_that_does_not_hold_is_noted) {
    const auto intermediate = certificate_authority::intermediate(
        client_ca(), test::authority_request("Intermediate Client CA"));
    auto without_chain = client_with(intermediate);
    without_chain.chain_pem.clear();

    struct row {
        const char* name;
        test::identity client;
        const char* verdict;
    };

    const auto context = listener(true);
    for (const auto& [name, client, verdict] : {
             row{"good", client_with(client_ca()), "established"},
             row{"good, of an intermediate", client_with(intermediate), "established"},
             row{"good, for clients and servers",
                 client_with(client_ca(),
                             [](auto& request) {
                                 request.eku = test::extended_key_usage::server_and_client;
                             }),
                 "established"},
             row{"none", {}, "established, no client certificate"},
             row{"of another ca", client_with(certificate_authority("Another CA")),
                 ": unable to get local issuer certificate"},
             row{"of another ca of the same name", client_with(certificate_authority("Client CA")),
                 ": unable to get local issuer certificate"},
             row{"self-signed", test::self_signed({}), ": self-signed certificate"},
             row{"without its intermediate", without_chain,
                 ": unable to get local issuer certificate"},
             row{"expired",
                 client_with(client_ca(),
                             [](auto& request) {
                                 request.not_before = -48h;
                                 request.not_after = -1min;
                             }),
                 ": certificate has expired"},
             row{"not yet valid",
                 client_with(client_ca(), [](auto& request) { request.not_before = 1h; }),
                 ": certificate is not yet valid"},
             row{"a server's",
                 client_with(client_ca(),
                             [](auto& request) { request.eku = test::extended_key_usage::server; }),
                 ": unsuitable certificate purpose"},
             row{"a key of 1024 bits",
                 client_with(client_ca(),
                             [](auto& request) { request.key = test::key_type::rsa_1024; }),
                 ": EE certificate key too weak"},
         }) {
        for (auto options : {plain_options{}, tls_1_2_alone}) {
            options.presents = client;
            accepted one(context, options);
            const auto said = verdict_of(one.shake_hands());
            EXPECT_THAT(said, testing::StartsWith("established")) << name;
            EXPECT_THAT(said, testing::EndsWith(verdict)) << name;
            if (std::string_view(verdict).starts_with(':')) { // who presented it, and whose it is
                EXPECT_THAT(said, testing::HasSubstr(",O=Cockroach, issued by CN=")) << name;
            }
            EXPECT_TRUE(one.client.established()) << name;
        }
    }
}

TEST(tls_local_context, a_client_certificate_nobody_asked_for_is_not_judged) {
    const auto context = listener(false);
    EXPECT_FALSE(context.demands_certificate());
    accepted one(context, {.presents = test::self_signed({})});
    EXPECT_EQ(verdict_of(one.shake_hands()), "established");
}

/// A certificate is public; the fault that is noted must not be the only thing looked at.
TEST(tls_local_context, a_client_certificate_without_its_key_ends_the_handshake) {
    const auto context = listener(true);
    EXPECT_TRUE(context.demands_certificate());
    for (const auto& options : {plain_options{}, tls_1_2_alone}) {
        const auto victim = client_with(client_ca());
        const auto thief = test::self_signed({});
        accepted one(context, options);
        const auto stolen = test::certificate_of(victim.certificate_pem);
        const auto key = test::key_with_public_part_of(victim, thief);
        ASSERT_EQ(SSL_use_certificate(one.client.get(), stolen.get()), 1);
        ASSERT_EQ(SSL_use_PrivateKey(one.client.get(), key.get()), 1);
        EXPECT_THAT(verdict_of(one.shake_hands()), HasSubstr("bad signature"));
    }
}

TEST(tls_local_context, what_is_no_handshake_fails_with_a_sentence) {
    struct row {
        const char* name;
        std::string octets;
        bool closes;
        const char* verdict;
    };

    const auto context = listener();
    for (const auto& [name, octets, closes, verdict] : {
             row{"HTTP", "GET / HTTP/1.1\r\n\r\n", false, "the client's TLS handshake failed: "},
             row{"zeros", std::string(64, '\0'), false, "the client's TLS handshake failed: "},
             row{"closed at once", "", true, "the client"},
             row{"closed in the middle", "\x16\x03\x01\x02", true, "the client"},
             row{"an alert", "\x15\x03\x03\0\2\2\x28"s, false,
                 "the client's TLS handshake failed: "},
         }) {
        socket_pair sockets;
        tls::local_handshake handshake(context, sockets.ours());
        EXPECT_TRUE(std::holds_alternative<tls::local_wants_read>(handshake.advance())) << name;
        sockets.send(octets);
        if (closes) {
            sockets.close_theirs();
        }
        const auto progress = handshake.advance();
        ASSERT_TRUE(std::holds_alternative<tls::local_handshake_failed>(progress)) << name;
        EXPECT_THAT(verdict_of(progress), StartsWith(verdict)) << name;
    }
}

TEST(tls_local_context, the_connection_outlives_handshake_and_context) {
    socket_pair sockets;
    std::optional<tls::local_context> context = listener(true);
    auto handshake = std::make_unique<tls::local_handshake>(*context, sockets.ours());
    plain_tls client(plain_tls::role::client, {.presents = client_with(client_ca())},
                     sockets.theirs());
    std::optional<tls::client_tls> established;
    for (int turn = 0; turn < 100 && !established; ++turn) {
        client.advance();
        auto progress = handshake->advance();
        if (auto* done = std::get_if<tls::client_tls>(&progress)) {
            established = std::move(*done);
        }
    }
    ASSERT_TRUE(established);
    EXPECT_EQ(SSL_get_app_data(established->tls.get()), nullptr); // nothing points to the handshake
    handshake.reset();
    context.reset();
    ASSERT_EQ(SSL_write(client.get(), "ping", 4), 4);
    std::array<char, 4> ping{};
    EXPECT_EQ(SSL_read(established->tls.get(), ping.data(), 4), 4);
}

TEST(tls_local_context, no_session_can_be_resumed) {
    const auto context = listener();
    for (const auto& options : {plain_options{}, tls_1_2_alone}) {
        accepted first(context, options);
        const auto progress = first.shake_hands();
        ASSERT_EQ(verdict_of(progress), "established");
        std::array<char, 1> octet{};
        SSL_read(first.client.get(), octet.data(), 1); // a ticket of TLS 1.3 would come now
        const auto* session = SSL_get0_session(first.client.get());
        EXPECT_NE(SSL_SESSION_is_resumable(session), 1);
    }
}

TEST(tls_local_context, a_certificate_that_is_too_weak_is_refused_with_a_sentence) {
    test::certificate_request request;
    request.key = test::key_type::rsa_1024;
    const auto context =
        tls::local_context::make(test::key_pair_of(test::self_signed(request)), {});
    ASSERT_FALSE(context);
    EXPECT_EQ(context.error().sentence, "the certificate is not acceptable: ee key too small");
}

} // namespace
} // namespace roachpin
