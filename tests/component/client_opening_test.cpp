#include "component/good_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// A client's opening over real sockets: every way in, and every way that is none.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using core::events::client_refused;
using testing::HasSubstr;

const parameter_map app{{"user", "app"}, {"database", "bank"}};

class client_opening : public testing::Test {
protected:
    good_cluster cluster;
    fake_cockroach node{cluster.node()};

    static std::string code_of(loopback_client& client) { return client.read_error().code; }
};

TEST_F(client_opening, in_clear) {
    test_proxy proxy(cluster.proxy_for(node));
    EXPECT_EQ(proxy.login().query("select 1").front(), "select 1");
    const auto established = proxy.events().wait_for<core::events::session_established>();
    ASSERT_TRUE(established);
    EXPECT_EQ(established->client.user, "app");
    EXPECT_EQ(established->client.database, "bank");
    EXPECT_EQ(established->node.node, node_name);
}

TEST_F(client_opening, ssl_and_gssenc_requests_are_declined_without_a_certificate) {
    test_proxy proxy(cluster.proxy_for(node));
    auto client = proxy.connect();
    client.send(gssenc_request());
    EXPECT_EQ(client.read_exactly(1), "N");
    EXPECT_EQ(client.request_tls(), 'N');
    client.login(app);
    EXPECT_EQ(client.query("select 1").front(), "select 1");
}

TEST_F(client_opening, tls_after_gssenc_request) {
    test_proxy proxy(cluster.tls_proxy_for(node));
    auto client = proxy.connect();
    client.send(gssenc_request());
    EXPECT_EQ(client.read_exactly(1), "N");
    EXPECT_EQ(client.request_tls(), 'S');
    client.start_tls({.ca_pem = cluster.ca.certificate_pem(), .verify_name = "localhost"});
    client.login(app);
    EXPECT_EQ(client.query("select 1").front(), "select 1");
}

TEST_F(client_opening, direct_tls_with_alpn) {
    test_proxy proxy(cluster.tls_proxy_for(node));
    auto client = proxy.connect();
    client.start_tls({.ca_pem = cluster.ca.certificate_pem(), .alpn = {"postgresql"}});
    EXPECT_EQ(client.alpn_selected(), "postgresql");
    client.login(app);
    EXPECT_EQ(client.query("select 1").front(), "select 1");
}

TEST_F(client_opening, direct_tls_without_alpn_is_refused_inside_tls) {
    test_proxy proxy(cluster.tls_proxy_for(node));
    auto client = proxy.connect();
    client.start_tls({});
    EXPECT_EQ(code_of(client), "08P01");
}

TEST_F(client_opening, tls_for_another_protocol_is_refused_by_alert) {
    test_proxy proxy(cluster.tls_proxy_for(node));
    auto client = proxy.connect();
    EXPECT_THROW(client.start_tls({.alpn = {"h2"}}), client_error);
}

TEST_F(client_opening, direct_tls_without_a_certificate_is_closed) {
    test_proxy proxy(cluster.proxy_for(node));
    auto client = proxy.connect();
    EXPECT_THROW(client.start_tls({.alpn = {"postgresql"}}), client_error);
    EXPECT_TRUE(proxy.events().wait_for<client_refused>());
}

struct bad_opening {
    std::string name;
    std::string bytes;
    std::string detail;
};

void PrintTo(const bad_opening& one, std::ostream* out) {
    *out << one.name;
}

class malformed : public client_opening, public testing::WithParamInterface<bad_opening> {};

TEST_P(malformed, is_told_08P01_and_reaches_no_node) {
    test_proxy proxy(cluster.tls_proxy_for(node));
    auto client = proxy.connect();
    client.send(GetParam().bytes);
    const auto error = client.read_error();
    EXPECT_EQ(error.code, "08P01");
    EXPECT_EQ(error.severity, "FATAL");
    EXPECT_THAT(error.detail, HasSubstr(GetParam().detail));
    EXPECT_THAT(error.hint, HasSubstr(proxy.events().last_id<client_refused>()));
    EXPECT_EQ(client.read_until_end(), "");
    EXPECT_EQ(node.connections(), 0U);
}

std::string with_length(std::uint32_t length, std::string_view rest) {
    return encode_u32(length) + std::string(rest);
}

INSTANTIATE_TEST_SUITE_P(
    opening, malformed,
    testing::Values(
        bad_opening{"http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "octets long"},
        bad_opening{"length_0", with_length(0, ""), "octets long"},
        bad_opening{"length_7", with_length(7, "abc"), "octets long"},
        bad_opening{"huge", with_length(0x7fffffff, ""), "octets long"},
        bad_opening{"over_10000", with_length(10001, ""), "octets long"},
        bad_opening{"protocol_2", with_length(8, encode_u32(0x00020000)), "3.x"},
        bad_opening{"unknown_request", with_length(8, encode_u32(1234U << 16 | 5681)), "5681"},
        bad_opening{"stuffed_startup", ssl_request() + startup_message(app), "encryption request"},
        bad_opening{"stuffed_gssenc", gssenc_request() + startup_message(app),
                    "encryption request"},
        bad_opening{"crdb_parameter",
                    startup_message({{"user", "app"}, {"crdb:remote_addr", "10.0.0.1"}}), "crdb:"},
        bad_opening{"no_terminator", with_length(13, encode_u32(protocol_3_0) + "user\x01"),
                    "zero octet"}),
    [](const auto& row) { return row.param.name; });

TEST_F(client_opening, a_second_ssl_request_is_refused) {
    test_proxy proxy(cluster.proxy_for(node));
    auto client = proxy.connect();
    EXPECT_EQ(client.request_tls(), 'N');
    client.send(ssl_request());
    EXPECT_EQ(code_of(client), "08P01");
}

TEST_F(client_opening, an_ssl_request_inside_tls_is_refused) {
    test_proxy proxy(cluster.tls_proxy_for(node));
    auto client = proxy.connect();
    EXPECT_EQ(client.request_tls(), 'S');
    client.start_tls({});
    client.send(ssl_request());
    EXPECT_EQ(code_of(client), "08P01");
}

TEST_F(client_opening, octet_by_octet_is_an_opening_like_any_other) {
    test_proxy proxy(cluster.proxy_for(node));
    auto client = proxy.connect();
    for (const char octet : startup_message(app)) {
        client.send({&octet, 1});
    }
    EXPECT_EQ(client.read_message().type, 'R');
}

TEST_F(client_opening, too_slow_is_refused) {
    auto options = cluster.proxy_for(node);
    options.timeouts.client_opening = 200ms;
    test_proxy proxy(std::move(options));
    auto client = proxy.connect();
    client.send(startup_message(app).substr(0, 9));
    EXPECT_EQ(code_of(client), "08P01");
    EXPECT_EQ(proxy.events().wait_for<client_refused>()->reason, "opening_timeout");
    auto silent = proxy.connect();
    EXPECT_EQ(code_of(silent), "08P01");
}

TEST_F(client_opening, too_slow_in_the_handshake_is_closed_without_a_word_in_clear) {
    auto options = cluster.tls_proxy_for(node);
    options.timeouts.client_opening = 200ms;
    test_proxy proxy(std::move(options));
    auto client = proxy.connect();
    EXPECT_EQ(client.request_tls(), 'S');
    EXPECT_EQ(client.read_until_end(), "");
}

TEST_F(client_opening, a_probe_said_nothing_and_is_only_counted) {
    test_proxy proxy(cluster.proxy_for(node));
    proxy.connect().close();
    const auto probe = proxy.events().wait_for<core::events::client_gone>();
    ASSERT_TRUE(probe);
    EXPECT_TRUE(probe->said_nothing);
    auto half = proxy.connect();
    half.send(std::string(2, '\0'));
    half.close();
    const auto gone = proxy.events().wait_for<core::events::client_gone>(2);
    ASSERT_TRUE(gone);
    EXPECT_FALSE(gone->said_nothing);
    EXPECT_TRUE(proxy.events().all<client_refused>().empty());
}

TEST_F(client_opening, tls_required_refuses_clear_text) {
    auto options = cluster.tls_proxy_for(node);
    options.admission.tls_required = true;
    test_proxy proxy(std::move(options));
    auto client = proxy.connect();
    client.send(startup_message(app));
    const auto error = client.read_error();
    EXPECT_EQ(error.code, "28000");
    EXPECT_THAT(error.detail, HasSubstr("tls.required"));
    auto encrypted = proxy.connect();
    EXPECT_EQ(encrypted.request_tls(), 'S');
    encrypted.start_tls({});
    encrypted.login(app);
}

TEST_F(client_opening, an_address_outside_allow_from_is_refused) {
    auto options = cluster.proxy_for(node);
    options.admission.allow_from = {core::cidr::parse("10.0.0.0/8").value()};
    test_proxy proxy(std::move(options));
    auto client = proxy.connect();
    client.send(startup_message(app));
    const auto error = client.read_error();
    EXPECT_EQ(error.code, "28000");
    EXPECT_THAT(error.detail, HasSubstr("127.0.0.1"));
    auto canceller = proxy.connect();
    canceller.send(cancel_request(1));
    EXPECT_EQ(canceller.read_until_end(), "");
    EXPECT_EQ(node.connections(), 0U);
}

TEST_F(client_opening, a_client_certificate_is_demanded_and_checked) {
    auto options = cluster.tls_proxy_for(node);
    options.client_ca_pem = cluster.ca.certificate_pem();
    test_proxy proxy(std::move(options));
    const auto attempt = [&](const identity* shown) {
        auto client = proxy.connect();
        EXPECT_EQ(client.request_tls(), 'S');
        tls_client_options tls;
        if (shown != nullptr) {
            tls.certificate_pem = shown->certificate_pem;
            tls.private_key_pem = shown->private_key_pem;
        }
        client.start_tls(tls);
        try {
            client.login(app);
            return std::string("ok");
        } catch (const server_refusal& refusal) {
            return refusal.fields().code + " " + refusal.fields().detail;
        }
    };
    const certificate_request request{.common_name = "app", .eku = extended_key_usage::client};
    const auto good = cluster.ca.issue(request);
    const auto foreign = certificate_authority("Other CA").issue(request);
    auto late = request;
    late.not_before = -48h;
    late.not_after = -1h;
    const auto expired = cluster.ca.issue(late);
    EXPECT_EQ(attempt(&good), "ok");
    EXPECT_THAT(attempt(nullptr), testing::AllOf(HasSubstr("28000"), HasSubstr("no client cert")));
    EXPECT_THAT(attempt(&foreign), HasSubstr("28000"));
    EXPECT_THAT(attempt(&expired), testing::AllOf(HasSubstr("28000"), HasSubstr("expired")));
}

TEST_F(client_opening, a_cancel_request_reaches_a_node_inside_tls_and_gets_no_answer) {
    test_proxy proxy(cluster.proxy_for(node));
    auto session = proxy.connect();
    const auto key = session.login(app).backend_key;
    auto canceller = proxy.connect();
    canceller.send(cancel_request(key));
    EXPECT_EQ(canceller.read_until_end(), "");
    ASSERT_TRUE(node.wait_until([&](const auto& records) {
        return records.size() == 2 && records[1].cancel_key == key && records[1].tls_completed;
    }));
    EXPECT_TRUE(proxy.events().wait_for<core::events::cancel_forwarded>());
}

/// TLS 1.3: a node's word on our certificate comes when the handshake is over for us.
TEST_F(client_opening, a_node_that_refuses_the_proxys_certificate_is_quoted) {
    auto demanding = cluster.node();
    demanding.client_ca_pem = cluster.ca.certificate_pem();
    demanding.client_policy = client_certificates::require;
    fake_cockroach strict(std::move(demanding));
    auto options = cluster.proxy_for(strict);
    options.client_certificate =
        certificate_authority("Other CA")
            .issue({.common_name = "app", .eku = extended_key_usage::client});
    test_proxy proxy(std::move(options));
    auto client = proxy.connect();
    client.send(startup_message(app));
    const auto error = client.read_error();
    EXPECT_EQ(error.code, "08001");
    EXPECT_THAT(error.detail, HasSubstr("alert"));
    const auto told = proxy.events().wait_for<core::events::dial_failed>();
    ASSERT_TRUE(told);
    EXPECT_THAT(told->detail, HasSubstr("alert"));
}

TEST_F(client_opening, draining_turns_clients_away) {
    test_proxy proxy(cluster.proxy_for(node));
    proxy.begin_draining();
    auto client = proxy.connect();
    client.send(startup_message(app));
    EXPECT_EQ(code_of(client), "57P01");
}

} // namespace
} // namespace roachpin::test
