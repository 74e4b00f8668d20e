#include "component/tls_roots.hpp"
#include "net/examine.hpp"
#include "support/fake_cockroach.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>

/// What a check learns of one address: what the node proved with, and what it says to somebody who
/// wants a session. Nothing is asked of whoever has not proved itself.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr auto name = "crdb-0.db.internal";

net::awaitable<void> ask(policy::candidate to, const tls::upstream_context& context,
                         core::duration patience, std::optional<net::examination>& into) {
    auto made = co_await net::examine(std::move(to), context, core::clock::now() + 10s, patience);
    into.emplace(std::move(made));
}

class examine : public testing::Test {
protected:
    examine() { std::signal(SIGPIPE, SIG_IGN); }

    net::examination look_at(const fake_cockroach& node, core::duration patience = 10s) const {
        const auto target = std::make_shared<const policy::node>(
            policy::node{core::host_name::parse(name).value()});
        std::optional<net::examination> made;
        net::asio::io_context context;
        net::asio::co_spawn(
            context,
            ask({target, {core::ip_address::parse("127.0.0.1").value(), node.port()}}, *roots,
                patience, made),
            [](const std::exception_ptr& thrown) { EXPECT_EQ(thrown, nullptr); });
        context.run();
        return std::move(made).value();
    }

    net::examined proved_by(const fake_cockroach& node, core::duration patience = 10s) const {
        auto made = look_at(node, patience);
        if (!made) {
            throw std::runtime_error("it did not prove itself: " + made.error().detail);
        }
        return std::move(*made);
    }

    net::first_word said_by(const char* behaviour, core::duration patience = 10s) const {
        fake_cockroach_options options{.server = ca.issue(good)};
        options.plays = behaviour_named(behaviour);
        const fake_cockroach node(options);
        return proved_by(node, patience).said;
    }

    tls::chain_facts shown_by(const identity& server) const {
        const fake_cockroach node({.server = server});
        return proved_by(node).proved;
    }

    certificate_authority ca{"Cockroach CA"};
    std::shared_ptr<const tls::upstream_context> roots = trusting(ca.certificate_pem());
    certificate_request good{.dns_sans = {name, "localhost"}, .ip_sans = {"127.0.0.1"}};
};

TEST_F(examine, a_node_that_asks_for_a_password_answers) {
    fake_cockroach_options options{.server = ca.issue(good)};
    options.password = "secret";
    const fake_cockroach node(options);
    const auto said = proved_by(node).said;
    EXPECT_TRUE(said.answers);
    EXPECT_EQ(said.sqlstate, "");
}

TEST_F(examine, a_node_that_lets_everybody_in_answers) {
    EXPECT_TRUE(said_by("secure").answers);
    EXPECT_TRUE(said_by("secure-19.1").answers);
    EXPECT_TRUE(said_by("secure-26.1").answers);
}

TEST_F(examine, a_node_that_leaves_or_is_full_does_not) {
    const auto leaving = said_by("draining");
    EXPECT_FALSE(leaving.answers);
    EXPECT_EQ(leaving.sqlstate, "57P01");
    EXPECT_THAT(leaving.sentence, StartsWith("the node answered 57P01: "));
    const auto full = said_by("full");
    EXPECT_FALSE(full.answers);
    EXPECT_EQ(full.sqlstate, "53300");
}

TEST_F(examine, a_node_that_says_nothing_does_not) {
    EXPECT_THAT(said_by("hang-after-startup", 100ms).sentence, HasSubstr("timeouts.dial"));
    EXPECT_FALSE(said_by("hang-after-startup", 100ms).answers);
    EXPECT_FALSE(said_by("close-after-startup").answers);
    EXPECT_FALSE(said_by("reset-after-startup").answers);
    EXPECT_FALSE(said_by("close-after-handshake").answers);
}

TEST_F(examine, who_does_not_prove_itself_is_asked_nothing) {
    const certificate_authority other("Cockroach CA");
    fake_cockroach node({.server = other.issue(good)});
    const auto made = look_at(node);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().reason, "untrusted_chain");
    EXPECT_TRUE(made.error().hostile);
}

TEST_F(examine, what_was_shown_is_told) {
    const auto server = ca.issue(good);
    const auto shown = shown_by(server);
    EXPECT_THAT(shown.subject, HasSubstr("CN=node"));
    EXPECT_THAT(shown.issuer, HasSubstr("CN=Cockroach CA"));
    EXPECT_EQ(shown.names, "DNS:crdb-0.db.internal, DNS:localhost, IP:127.0.0.1");
    EXPECT_TRUE(shown.names_host);
    EXPECT_EQ(shown.leaf_key.to_base64(), spki_sha256_base64(server.certificate_pem));
    EXPECT_EQ(shown.key_kind, "EC");
    EXPECT_EQ(shown.key_bits, 256);
    EXPECT_EQ(shown.digest, "SHA256");
    EXPECT_EQ(shown.tls_version, "TLSv1.3");
    EXPECT_EQ(shown.ends_first, shown.subject);
}

TEST_F(examine, kinds_of_keys_are_told_apart) {
    good.key = key_type::rsa_2048;
    const auto shown = shown_by(ca.issue(good));
    EXPECT_EQ(shown.key_kind, "RSA");
    EXPECT_EQ(shown.key_bits, 2048);
}

TEST_F(examine, a_wildcard_is_not_the_hosts_own_name) {
    good.dns_sans = {"*.db.internal"};
    EXPECT_FALSE(shown_by(ca.issue(good)).names_host);
    good.dns_sans = {"*.db.internal", "CRDB-0.DB.INTERNAL"};
    EXPECT_TRUE(shown_by(ca.issue(good)).names_host);
}

TEST_F(examine, the_first_of_the_chain_to_end_is_named) {
    auto below = authority_request("Intermediate CA");
    below.not_after = 48h;
    const auto intermediate = certificate_authority::intermediate(ca, below);
    good.not_after = 24h * 30;
    const auto made = std::chrono::system_clock::now();
    const auto shown = shown_by(intermediate.issue(good));
    EXPECT_THAT(shown.ends_first, HasSubstr("CN=Intermediate CA"));
    EXPECT_GT(shown.ends, made + 47h);
    EXPECT_LT(shown.ends, made + 49h);
}

} // namespace
} // namespace roachpin::test
