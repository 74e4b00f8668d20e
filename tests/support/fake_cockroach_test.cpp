#include "support/fake_cockroach.hpp"
#include "support/loopback_client.hpp"

#include <gtest/gtest.h>

// Row by row, what COCKROACH.md's tables and the hostile variants promise to the proxy's tests.

namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using close_kind = fake_cockroach::close_kind;

constexpr auto host = "crdb-0.crdb.internal";
const parameter_map app{{"database", "bank"}, {"user", "app"}};

/// Long enough to notice an answer, short enough to wait for none.
constexpr auto silence = 100ms;

class fake_node : public testing::Test {
protected:
    certificate_authority ca;

    [[nodiscard]] fake_cockroach_options options(std::string_view name = "secure") const {
        certificate_request request;
        request.dns_sans = {host};
        fake_cockroach_options made;
        made.server = ca.issue(request);
        made.client_ca_pem = ca.certificate_pem();
        made.plays = behaviour_named(name);
        return made;
    }

    [[nodiscard]] static loopback_client connect(const fake_cockroach& node) {
        return loopback_client::connect_tcp("127.0.0.1", node.port());
    }

    [[nodiscard]] tls_client_options verified() const {
        tls_client_options tls;
        tls.ca_pem = ca.certificate_pem();
        tls.sni = host;
        tls.verify_name = host;
        return tls;
    }

    /// Connected, inside TLS, nothing said yet.
    [[nodiscard]] loopback_client secured(const fake_cockroach& node) const {
        auto client = connect(node);
        EXPECT_EQ(client.request_tls(), 'S');
        client.start_tls(verified());
        return client;
    }

    [[nodiscard]] static connection_record only_record(const fake_cockroach& node) {
        EXPECT_TRUE(node.wait_for_finished(1));
        return node.record(1);
    }

    [[nodiscard]] static error_fields refusal(loopback_client& client,
                                              std::uint32_t version = protocol_3_0) {
        try {
            (void)client.login(app, version);
        } catch (const server_refusal& refused) {
            return refused.fields();
        }
        ADD_FAILURE() << "the login was accepted";
        return {};
    }
};

// ---- a secure node ----------------------------------------------------------------------------

TEST_F(fake_node, ssl_request_leads_to_a_session) {
    fake_cockroach node{options()};
    auto client = secured(node);
    const auto login = client.login(app);
    EXPECT_EQ(login.parameters.at("client_encoding"), "UTF8");
    EXPECT_EQ(login.parameters.at("integer_datetimes"), "on");
    EXPECT_TRUE(login.parameters.contains("crdb_version"));
    EXPECT_EQ(client.query("SELECT 1"), std::vector<std::string>{"SELECT 1"});
    EXPECT_TRUE(client.query("BEGIN").empty());
    client.send(terminate_message());
    EXPECT_EQ(client.wait_for_end(), client_failure::close_notify);

    const auto seen = only_record(node);
    EXPECT_EQ(seen.before_tls, ssl_request());
    EXPECT_EQ(seen.before_tls_count, 8u);
    EXPECT_TRUE(seen.tls_completed);
    EXPECT_EQ(seen.tls_version, "TLSv1.3");
    EXPECT_EQ(seen.sni, host);
    EXPECT_TRUE(seen.alpn_offered.empty());
    EXPECT_EQ(seen.client_certificate_subject, "");
    EXPECT_EQ(seen.startup_version, protocol_3_0);
    EXPECT_EQ(seen.startup, app);
    EXPECT_TRUE(seen.logged_in);
    EXPECT_EQ(seen.queries, (std::vector<std::string>{"SELECT 1", "BEGIN"}));
    EXPECT_EQ(seen.end, connection_end::closed_by_server);
    EXPECT_TRUE(seen.received("bank"));
}

TEST_F(fake_node, never_selects_alpn_behind_an_ssl_request) {
    fake_cockroach node{options()};
    auto client = connect(node);
    ASSERT_EQ(client.request_tls(), 'S');
    auto tls = verified();
    tls.alpn = {"postgresql", "h2"};
    client.start_tls(tls);
    EXPECT_EQ(client.alpn_selected(), "");
    client.close();
    EXPECT_EQ(only_record(node).alpn_offered, tls.alpn);
}

TEST_F(fake_node, plaintext_behind_the_ssl_request_is_never_understood) {
    fake_cockroach node{options()};
    auto client = connect(node);
    client.send(ssl_request() + startup_message(app));
    EXPECT_EQ(client.read_exactly(1), "S");
    EXPECT_TRUE(client.stays_silent_for(silence));
    client.close();
    const auto seen = only_record(node);
    EXPECT_EQ(seen.before_tls, ssl_request() + startup_message(app));
    EXPECT_FALSE(seen.tls_completed);
    EXPECT_EQ(seen.startup_version, 0u);
}

TEST_F(fake_node, gssenc_request_is_closed_upon_or_refused) {
    {
        fake_cockroach node{options("secure-19.1")};
        auto client = connect(node);
        client.send(gssenc_request());
        EXPECT_EQ(client.read_until_end(), "");
    }
    fake_cockroach node{options("secure")};
    auto client = connect(node);
    client.send(gssenc_request());
    EXPECT_EQ(client.read_error().code, "08P01");
    EXPECT_EQ(client.read_until_end(), "");
}

TEST_F(fake_node, plaintext_startup_is_refused) {
    for (const auto* const name : {"secure-19.1", "secure"}) {
        fake_cockroach node{options(name)};
        auto client = connect(node);
        const auto error = refusal(client);
        EXPECT_EQ(error.code, "08P01");
        EXPECT_EQ(error.message, "node is running secure mode, SSL connection required");
        EXPECT_EQ(error.severity, std::string_view{name} == "secure" ? "FATAL" : "ERROR");
        EXPECT_EQ(client.read_until_end(), "");
    }
}

TEST_F(fake_node, direct_tls_reaches_the_rpc_port) {
    fake_cockroach node{options()};
    auto client = connect(node);
    client.start_tls(verified());
    client.send(startup_message(app));
    const auto answer = client.read_until_end();
    ASSERT_GE(answer.size(), 9u);
    EXPECT_EQ(answer[3], 4); // SETTINGS
    EXPECT_EQ(client.ended_by(), client_failure::close_notify);
    EXPECT_TRUE(only_record(node).direct_tls);
}

TEST_F(fake_node, direct_tls_speaks_http2_and_not_postgresql) {
    fake_cockroach node{options()};
    auto tls = verified();
    tls.alpn = {"postgresql"};
    auto client = connect(node);
    client.start_tls(tls);
    EXPECT_EQ(client.alpn_selected(), "");

    tls.alpn = {"postgresql", "h2"};
    auto other = connect(node);
    other.start_tls(tls);
    EXPECT_EQ(other.alpn_selected(), "h2");
}

TEST_F(fake_node, newer_protocol_versions_are_refused_before_26_1) {
    for (const auto* const name : {"secure-19.1", "secure"}) {
        for (const auto version : {protocol_3_2, (3u << 16) | 9999u}) {
            fake_cockroach node{options(name)};
            auto client = secured(node);
            const auto error = refusal(client, version);
            EXPECT_EQ(error.code, "XX000");
            EXPECT_TRUE(error.message.starts_with("unknown protocol version"));
        }
    }
}

TEST_F(fake_node, newer_protocol_versions_are_negotiated_from_26_1) {
    fake_cockroach node{options("secure-26.1")};
    auto client = secured(node);
    auto parameters = app;
    parameters["_pq_.command_tag"] = "on";
    const auto login = client.login(parameters, protocol_3_2);
    ASSERT_TRUE(login.negotiated);
    EXPECT_EQ(*login.negotiated,
              encode_u32(protocol_3_0) + encode_u32(1) + std::string("_pq_.command_tag\0", 17));
    EXPECT_EQ(client.query("SELECT 1").size(), 1u);
}

TEST_F(fake_node, cancel_requests_are_dropped_by_19_1) {
    fake_cockroach node{options("secure-19.1")};
    auto session = secured(node);
    EXPECT_EQ(session.login(app).backend_key, 0u);

    auto client = connect(node);
    client.send(cancel_request(42));
    EXPECT_EQ(client.read_until_end(), "");
}

TEST_F(fake_node, cancel_requests_stop_a_query_in_tls_and_in_the_clear) {
    fake_cockroach node{options()};
    auto session = secured(node);
    const auto key = session.login(app).backend_key;
    ASSERT_NE(key, 0u);
    EXPECT_EQ(key >> 52, 1u); // SQL instance 1

    for (const bool inside_tls : {true, false}) {
        const auto queries = inside_tls ? 1u : 2u;
        session.send(query_message("SELECT pg_sleep(3600)"));
        ASSERT_TRUE(node.wait_until(
            [&](const auto& all) { return all.front().queries.size() == queries; }));

        auto client = inside_tls ? secured(node) : connect(node);
        client.send(cancel_request(key));
        EXPECT_EQ(client.read_until_end(), "");
        EXPECT_EQ(session.read_error().code, "57014");
        EXPECT_EQ(session.read_message().type, 'Z');
        EXPECT_EQ(node.all().back().cancel_key, key);
    }
    EXPECT_EQ(session.query("SELECT 1").size(), 1u);
}

TEST_F(fake_node, what_cannot_be_an_opening_is_closed_upon) {
    fake_cockroach node{options()};
    for (const auto& bytes :
         {std::string{"GET / HTTP/1.1\r\n\r\n"}, std::string(64, '\xff'),
          encode_u32(1u << 30) + encode_u32(protocol_3_0), encode_u32(8) + encode_u32(1234)}) {
        auto client = connect(node);
        client.send(bytes);
        EXPECT_EQ(client.read_until_end(), "");
        EXPECT_EQ(client.ended_by(), client_failure::eof);
    }
}

TEST_F(fake_node, length_7_is_reset) {
    fake_cockroach node{options()};
    auto client = connect(node);
    client.send(encode_u32(7) + "abc");
    EXPECT_EQ(client.wait_for_end(), client_failure::reset);
}

TEST_F(fake_node, too_little_to_judge_stays_open) {
    fake_cockroach node{options()};
    for (const auto& bytes : {std::string{}, std::string(3, '\0'), encode_u32(4)}) {
        auto client = connect(node);
        client.send(bytes);
        EXPECT_TRUE(client.stays_silent_for(silence));
    }
    EXPECT_EQ(node.connections(), 3u);
}

// ---- states of a node -------------------------------------------------------------------------

TEST_F(fake_node, an_insecure_node_says_n_and_serves_in_the_clear) {
    fake_cockroach node{options("insecure")};
    auto client = connect(node);
    EXPECT_EQ(client.request_tls(), 'N');
    (void)client.login(app);
    EXPECT_EQ(client.query("SELECT 1").size(), 1u);
}

TEST_F(fake_node, before_init_nothing_is_answered) {
    fake_cockroach node{options("before-init")};
    auto client = connect(node);
    client.send(ssl_request());
    EXPECT_TRUE(client.stays_silent_for(silence));
    client.close();
    const auto seen = only_record(node);
    EXPECT_EQ(seen.before_tls, ssl_request());
    EXPECT_EQ(seen.end, connection_end::eof);
}

TEST_F(fake_node, a_draining_or_full_node_says_so_before_authentication) {
    for (const auto& [name, code] : {std::pair{"draining", "57P01"}, std::pair{"full", "53300"}}) {
        auto made = options(name);
        made.password = "secret"; // not asked for
        fake_cockroach node{std::move(made)};
        auto client = secured(node);
        EXPECT_EQ(refusal(client).code, code);
        EXPECT_EQ(client.wait_for_end(), client_failure::close_notify);
        EXPECT_FALSE(only_record(node).logged_in);
    }
}

TEST_F(fake_node, passwords_are_compared) {
    auto made = options();
    made.password = "secret";
    fake_cockroach node{std::move(made)};
    auto client = secured(node);
    (void)client.login(app, protocol_3_0, "secret");

    auto other = secured(node);
    try {
        (void)other.login(app, protocol_3_0, "wrong");
        ADD_FAILURE();
    } catch (const server_refusal& refused) {
        EXPECT_EQ(refused.fields().code, "28P01");
    }
    EXPECT_EQ(node.record(2).password, "wrong");
}

TEST_F(fake_node, a_client_certificate_must_be_of_the_user) {
    auto made = options();
    made.password = "secret"; // not asked for
    fake_cockroach node{std::move(made)};
    certificate_request request;
    request.eku = extended_key_usage::client;
    for (const auto* const user : {"app", "root"}) {
        request.common_name = user;
        const auto client_identity = ca.issue(request);
        auto tls = verified();
        tls.certificate_pem = client_identity.certificate_pem;
        tls.private_key_pem = client_identity.private_key_pem;
        auto client = connect(node);
        ASSERT_EQ(client.request_tls(), 'S');
        client.start_tls(tls);
        if (std::string_view{user} == "app")
            (void)client.login(app);
        else
            EXPECT_EQ(refusal(client).message,
                      "requested user is app, but certificate is for root");
    }
    EXPECT_EQ(node.record(1).client_certificate_subject, "CN=app,O=Cockroach");
}

TEST_F(fake_node, a_client_certificate_of_another_authority_fails_the_handshake) {
    fake_cockroach node{options()};
    certificate_request request;
    request.common_name = "app";
    request.eku = extended_key_usage::client;
    const auto stranger = certificate_authority{}.issue(request);
    auto tls = verified();
    tls.certificate_pem = stranger.certificate_pem;
    tls.private_key_pem = stranger.private_key_pem;
    auto client = connect(node);
    ASSERT_EQ(client.request_tls(), 'S');
    client.start_tls(tls); // TLS 1.3: the server's objection comes afterwards
    EXPECT_EQ(client.wait_for_end(), client_failure::tls);
    EXPECT_EQ(only_record(node).end, connection_end::handshake_failed);
}

TEST_F(fake_node, a_required_client_certificate_is_required) {
    auto made = options();
    made.client_policy = client_certificates::require;
    fake_cockroach node{std::move(made)};
    auto client = secured(node);
    EXPECT_EQ(client.wait_for_end(), client_failure::tls);
    EXPECT_FALSE(only_record(node).tls_completed);
}

// ---- strangers --------------------------------------------------------------------------------

TEST_F(fake_node, a_stranger_answers_the_ssl_request_in_its_own_way) {
    const auto answer_of = [&](const char* name) {
        fake_cockroach node{options(name)};
        auto client = connect(node);
        client.send(ssl_request());
        return client.read_some();
    };
    EXPECT_EQ(answer_of("answers-n"), "N");
    EXPECT_EQ(answer_of("garbage"), std::string(1, '\0'));
    EXPECT_TRUE(answer_of("http").starts_with("HTTP/1.1 400 "));

    fake_cockroach node{options("answers-e")};
    auto client = connect(node);
    client.send(ssl_request());
    EXPECT_EQ(client.read_error().code, "08P01");
    EXPECT_EQ(client.read_until_end(), "");
}

TEST_F(fake_node, extra_bytes_come_in_the_same_segment_and_then_tls) {
    fake_cockroach node{options("s-and-extra")};
    auto client = connect(node);
    client.send(ssl_request());
    EXPECT_EQ(client.read_some(), "S" + encode_message('R', encode_u32(0)));
    client.start_tls(verified()); // a careless client would go on, and never know
    (void)client.login(app);
}

TEST_F(fake_node, old_tls_only_is_possible) {
    auto made = options();
    made.min_tls = made.max_tls = tls_version::v1_1;
    fake_cockroach node{std::move(made)};
    auto client = connect(node);
    ASSERT_EQ(client.request_tls(), 'S');
    EXPECT_THROW(client.start_tls(verified()), client_error);
    const auto seen = only_record(node);
    EXPECT_TRUE(seen.client_hello_seen);
    EXPECT_EQ(seen.sni, host);
    EXPECT_EQ(seen.end, connection_end::handshake_failed);
}

TEST_F(fake_node, weak_certificates_are_presented) {
    certificate_request request;
    request.dns_sans = {host};
    for (int i = 0; i < 2; ++i) {
        request.key = i == 0 ? key_type::rsa_1024 : key_type::ec_p256;
        request.digest = i == 0 ? signature_digest::sha256 : signature_digest::sha1;
        auto made = options();
        made.server = ca.issue(request);
        fake_cockroach node{std::move(made)};
        auto client = connect(node);
        ASSERT_EQ(client.request_tls(), 'S');
        try {
            client.start_tls(verified());
            ADD_FAILURE() << "a client at security level 2 accepted it";
        } catch (const client_error& error) {
            EXPECT_EQ(error.why(), client_failure::tls);
        }
        EXPECT_EQ(only_record(node).end, connection_end::handshake_failed);
    }
}

TEST_F(fake_node, a_client_that_distrusts_says_why) {
    fake_cockroach node{options()};
    auto tls = verified();
    tls.ca_pem = certificate_authority{}.certificate_pem();
    auto client = connect(node);
    ASSERT_EQ(client.request_tls(), 'S');
    EXPECT_THROW(client.start_tls(tls), client_error);
    client.close();
    const auto seen = only_record(node);
    EXPECT_EQ(seen.end, connection_end::handshake_failed);
    EXPECT_NE(seen.end_detail.find("unknown ca"), std::string::npos) << seen.end_detail;
    EXPECT_EQ(seen.plaintext_count, 0u);
}

// ---- faults at each step ----------------------------------------------------------------------

class fault_at : public fake_node, public testing::WithParamInterface<const char*> {
protected:
    const std::string step = GetParam();
    const bool inside_tls = step == "handshake" || step == "startup";

    /// Goes on as far as the node lets it; returns how the node ended it.
    [[nodiscard]] std::optional<client_failure> end_of(const fake_cockroach& node) const {
        try {
            auto client = secured(node);
            (void)client.login(app);
        } catch (const client_error& error) {
            return error.why(); // of a node that resets at once, perhaps from connect()
        }
        return std::nullopt;
    }

    /// Says all that a client says before it has to wait for a node that hangs here.
    [[nodiscard]] loopback_client left_hanging(const fake_cockroach& node) const {
        if (inside_tls) {
            auto client = secured(node);
            client.send(startup_message(app));
            return client;
        }
        auto client = connect(node);
        client.send(ssl_request());
        if (step == "client-hello") {
            EXPECT_EQ(client.read_exactly(1), "S");
            client.set_patience(silence);
            EXPECT_THROW(client.start_tls(verified()), client_error);
        }
        return client;
    }

    [[nodiscard]] bool has_arrived(const connection_record& seen) const {
        return inside_tls               ? seen.received("user")
               : step == "client-hello" ? seen.client_hello_seen
                                        : seen.before_tls_count > 0;
    }
};

TEST_P(fault_at, hangs_and_records_what_still_comes) {
    fake_cockroach node{options("hang-after-" + step)};
    auto client = left_hanging(node);
    ASSERT_TRUE(
        node.wait_until([&](const auto& all) { return !all.empty() && has_arrived(all.front()); }));
    EXPECT_TRUE(client.stays_silent_for(silence));
    EXPECT_FALSE(node.record(1).finished());
    client.reset();
    const auto seen = only_record(node);
    EXPECT_EQ(seen.end, connection_end::reset);
    EXPECT_EQ(seen.before_tls, ssl_request());
    EXPECT_EQ(seen.tls_completed, inside_tls);
    EXPECT_EQ(seen.client_hello_seen, inside_tls || step == "client-hello");
    EXPECT_EQ(seen.handshake_count > 0, step == "client-hello");
    EXPECT_EQ(seen.received("user"), inside_tls);
    EXPECT_EQ(seen.startup_version, step == "startup" ? protocol_3_0 : 0);
    EXPECT_FALSE(seen.logged_in);
}

TEST_P(fault_at, resets) {
    fake_cockroach node{options("reset-after-" + step)};
    EXPECT_EQ(end_of(node), client_failure::reset);
    EXPECT_EQ(only_record(node).end, connection_end::closed_by_server);
}

TEST_P(fault_at, closes) {
    fake_cockroach node{options("close-after-" + step)};
    EXPECT_EQ(end_of(node), inside_tls ? client_failure::close_notify : client_failure::eof);
    EXPECT_EQ(only_record(node).end, connection_end::closed_by_server);
}

INSTANTIATE_TEST_SUITE_P(each_step, fault_at,
                         testing::Values("accept", "sslrequest", "client-hello", "handshake",
                                         "startup"),
                         [](const auto& step) {
                             std::string name = step.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

// ---- bytes ------------------------------------------------------------------------------------

TEST_F(fake_node, echoes_every_byte_and_closes_after_the_client) {
    auto made = options("raw-echo");
    made.session_tickets = 2;
    made.key_update_every = 100'000;
    fake_cockroach node{std::move(made)};
    auto client = secured(node);
    (void)client.login(app);

    const auto bytes = flood_pattern(0, 1'000'000);
    for (std::size_t at = 0; at < bytes.size(); at += 50'000) {
        const auto piece = bytes.substr(at, 50'000);
        client.send(piece);
        ASSERT_EQ(client.read_exactly(piece.size()), piece);
    }
    client.half_close();
    EXPECT_EQ(client.wait_for_end(), client_failure::close_notify);
    const auto seen = only_record(node);
    EXPECT_EQ(seen.end, connection_end::close_notify);
    EXPECT_EQ(seen.raw_received, bytes.size());
    EXPECT_EQ(seen.raw_sent, bytes.size());
    EXPECT_EQ(seen.raw_sha256, sha256_hex(bytes));
    EXPECT_EQ(seen.plaintext.size(), 65536u); // the cap
}

TEST_F(fake_node, raw_modes_can_start_without_a_login) {
    auto made = options("raw-echo");
    made.login_before_raw = false;
    fake_cockroach node{std::move(made)};
    auto client = secured(node);
    client.send(startup_message(app) + "early");
    EXPECT_EQ(client.read_exactly(5), "early");
    client.close();
    const auto seen = only_record(node);
    EXPECT_EQ(seen.raw_received, 5u);
    EXPECT_EQ(seen.raw_sha256, sha256_hex("early"));
    EXPECT_EQ(seen.plaintext, startup_message(app) + "early");
}

TEST_F(fake_node, floods_although_the_client_closed_its_direction) {
    auto made = options("raw-flood");
    made.flood_bytes = 10'000'001;
    fake_cockroach node{std::move(made)};
    auto client = secured(node);
    (void)client.login(app);
    client.close_notify_only();
    const auto bytes = client.read_until_end();
    EXPECT_EQ(client.ended_by(), client_failure::close_notify);
    EXPECT_TRUE(bytes == flood_pattern(0, 10'000'001));
    EXPECT_EQ(only_record(node).raw_sent, 10'000'001u);
}

TEST_F(fake_node, sinks_and_hashes) {
    fake_cockroach node{options("raw-sink")};
    auto client = secured(node);
    (void)client.login(app);
    const auto bytes = flood_pattern(0, 3'000'000);
    client.send(bytes);
    client.half_close();
    EXPECT_EQ(client.wait_for_end(), client_failure::close_notify);
    EXPECT_EQ(only_record(node).raw_sha256, sha256_hex(bytes));
}

TEST_F(fake_node, stops_reading_until_resumed) {
    fake_cockroach node{options("stop-reading")};
    auto client = secured(node);
    (void)client.login(app);
    client.set_patience(500ms);
    const auto bytes = flood_pattern(0, 64 << 20);
    EXPECT_THROW(client.send(bytes), client_error); // the kernel's buffers are full
    EXPECT_EQ(node.record(1).raw_received, 0u);
    node.resume();
    EXPECT_TRUE(node.wait_until([](const auto& all) { return all.front().raw_received > 0; }));
}

TEST_F(fake_node, the_flood_pattern_does_not_depend_on_the_pieces) {
    const auto whole = flood_pattern(0, 100);
    EXPECT_EQ(flood_pattern(0, 33) + flood_pattern(33, 67), whole);
    EXPECT_NE(flood_pattern(100, 100), whole);
}

// ---- ends -------------------------------------------------------------------------------------

TEST_F(fake_node, tells_how_the_client_left) {
    const std::pair<void (*)(loopback_client&), connection_end> ways[] = {
        {[](loopback_client& client) { client.half_close(); }, connection_end::close_notify},
        {[](loopback_client& client) { client.close(); }, connection_end::eof},
        {[](loopback_client& client) { client.reset(); }, connection_end::reset},
    };
    for (const auto& [leave, end] : ways) {
        fake_cockroach node{options()};
        auto client = secured(node);
        (void)client.login(app);
        leave(client);
        EXPECT_EQ(only_record(node).end, end) << to_string(end);
    }
}

TEST_F(fake_node, closes_all_in_three_ways) {
    const std::pair<close_kind, client_failure> ways[] = {
        {close_kind::clean, client_failure::close_notify},
        {close_kind::abrupt, client_failure::eof},
        {close_kind::reset, client_failure::reset},
    };
    for (const auto* const name : {"secure", "raw-echo", "stop-reading", "hang-after-handshake"}) {
        for (const auto& [kind, end] : ways) {
            fake_cockroach node{options(name)};
            auto client = secured(node);
            if (std::string_view{name} != "hang-after-handshake")
                (void)client.login(app);
            // In TLS 1.3 the client is through the handshake before the server.
            ASSERT_TRUE(node.wait_until([](const auto& all) { return all.front().tls_completed; }));
            node.close_all(kind);
            EXPECT_EQ(client.wait_for_end(), end) << name;
            EXPECT_EQ(only_record(node).end, connection_end::closed_by_server);
        }
    }
}

TEST_F(fake_node, a_session_can_be_terminated_and_spoken_to) {
    fake_cockroach node{options()};
    auto client = secured(node);
    (void)client.login(app);
    node.send_to_sessions(encode_error({"NOTICE", "01000", "soon", {}, {}}, 'N'));
    EXPECT_EQ(client.read_message().type, 'N');
    node.terminate_sessions({"FATAL", "57P01", "server is shutting down", {}, {}});
    EXPECT_EQ(client.read_error().code, "57P01");
    EXPECT_EQ(client.wait_for_end(), client_failure::close_notify);
}

TEST_F(fake_node, goes_away_with_open_connections_of_every_kind) {
    for (const auto& one : named_behaviours()) {
        auto made = options();
        made.plays = one.plays;
        made.flood_bytes = 100 << 20;
        auto node = std::make_unique<fake_cockroach>(std::move(made));
        std::vector<loopback_client> clients;
        try {
            clients.push_back(connect(*node)); // and says nothing
            clients.push_back(connect(*node));
            auto& client = clients.back();
            client.set_patience(silence);
            if (client.request_tls() == 'S') {
                client.start_tls(verified());
                (void)client.login(app);
            }
        } catch (const std::exception&) {
            // many of them are meant to refuse, to hang, or to reset even the connect()
        }
        node.reset(); // must neither block nor crash, whatever its sessions are in the middle of
    }
}

// ---- the server -------------------------------------------------------------------------------

TEST_F(fake_node, changes_its_behaviour_and_certificate_for_later_connections) {
    fake_cockroach node{options()};
    auto before = secured(node);
    (void)before.login(app);

    node.play(behaviour_named("draining"));
    auto during = secured(node);
    EXPECT_EQ(refusal(during).code, "57P01");

    node.present(options().server);
    node.play(behaviour_named("secure"));
    auto after = secured(node);
    EXPECT_NE(after.peer_certificate_pem(), before.peer_certificate_pem());
    EXPECT_EQ(before.query("SELECT 1").size(), 1u);
}

TEST_F(fake_node, stops_listening_and_comes_back_at_the_same_port) {
    fake_cockroach node{options()};
    auto session = secured(node);
    (void)session.login(app);
    node.stop_listening();
    EXPECT_THROW((void)connect(node), client_error);
    EXPECT_EQ(session.query("SELECT 1").size(), 1u);
    node.start_listening();
    auto again = secured(node);
    (void)again.login(app);
}

TEST_F(fake_node, listens_on_ipv6) {
    auto made = options();
    made.bind = "::1";
    fake_cockroach node{std::move(made)};
    EXPECT_TRUE(node.address().starts_with("[::1]:"));
    auto client = loopback_client::connect_tcp("::1", node.port());
    EXPECT_EQ(client.request_tls(), 'S');
}

TEST_F(fake_node, reports_each_finished_connection_once) {
    std::mutex mutex;
    std::vector<std::uint64_t> finished;
    {
        auto made = options();
        made.on_finished = [&](const connection_record& seen) {
            const std::lock_guard lock{mutex};
            EXPECT_TRUE(seen.finished());
            finished.push_back(seen.id);
        };
        fake_cockroach node{std::move(made)};
        auto first = secured(node);
        auto second = secured(node);
        first.close();
        EXPECT_TRUE(node.wait_for_finished(1));
        EXPECT_EQ(node.open_connections(), 1u);
    }
    EXPECT_EQ(finished, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(fake_node, waiting_gives_up) {
    fake_cockroach node{options()};
    EXPECT_FALSE(node.wait_for_connections(1, 20ms));
    EXPECT_THROW((void)node.record(1), std::out_of_range);
}

TEST_F(fake_node, serves_many_connections) {
    constexpr std::size_t count = 300; // descriptors on both sides: within a limit of 1024
    fake_cockroach node{options()};
    std::vector<loopback_client> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(secured(node));
        (void)clients.back().login(app);
    }
    EXPECT_EQ(node.open_connections(), count);
    for (auto& client : clients)
        EXPECT_EQ(client.query("SELECT 1").size(), 1u);
}

TEST(behaviours, have_names_that_find_them) {
    for (const auto& one : named_behaviours())
        EXPECT_EQ(behaviour_named(one.name).session, one.plays.session) << one.name;
    EXPECT_THROW((void)behaviour_named("helpful"), std::invalid_argument);
}

} // namespace
} // namespace roachpin::test
