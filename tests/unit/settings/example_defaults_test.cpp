#include "unit/settings/configuration_folder.hpp"
#include "unit/settings/example_text.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using test::whole_example;

TEST(settings_example, shows_the_defaults) {
    const test::configuration_folder folder;
    const auto example = folder.parse(whole_example());
    ASSERT_TRUE(example);
    ASSERT_EQ(example->listeners.size(), 2U);
    const settings::listener unset{.bind = example->listeners[0].bind, .where = ""};
    for (const auto& listener : example->listeners) {
        EXPECT_EQ(listener.mode, unset.mode);
        EXPECT_EQ(listener.max_connections, unset.max_connections);
        EXPECT_EQ(listener.unix_mode, unset.unix_mode);
        EXPECT_EQ(listener.allow_uids, unset.allow_uids);
        EXPECT_EQ(listener.allow_from, unset.allow_from);
        EXPECT_FALSE(listener.dangerous_plaintext_beyond_loopback);
    }
    ASSERT_TRUE(example->listeners[0].tls);
    EXPECT_FALSE(example->listeners[0].tls->required);
    EXPECT_FALSE(example->listeners[0].tls->client_ca);
    const settings::cluster cluster;
    EXPECT_FALSE(example->cluster.crl);
    EXPECT_EQ(example->cluster.min_tls, cluster.min_tls);
    EXPECT_EQ(example->cluster.spki_sha256, cluster.spki_sha256);
    EXPECT_EQ(example->cluster.revoked_spki_sha256, cluster.revoked_spki_sha256);
    EXPECT_FALSE(example->cluster.client_certificate);
    ASSERT_EQ(example->cluster.nodes.size(), 2U);
    const settings::node node{.host = example->cluster.nodes[0].host, .where = ""};
    EXPECT_EQ(example->cluster.nodes[0].port, node.port);
    EXPECT_EQ(example->cluster.nodes[0].tier, node.tier);
    EXPECT_EQ(example->cluster.nodes[0].spki_sha256, node.spki_sha256);
    EXPECT_TRUE(std::holds_alternative<settings::pinned>(example->cluster.nodes[0].found));
    EXPECT_EQ(example->timeouts, settings::timeouts{});
    EXPECT_EQ(example->keepalive, settings::keepalive{});
    EXPECT_EQ(example->drain, settings::drain{});
    EXPECT_EQ(example->limits, settings::limits{});
    EXPECT_EQ(example->log, settings::log{});
    EXPECT_EQ(example->workers, settings::configuration{}.workers);
    EXPECT_EQ(example->start, settings::configuration{}.start);
    EXPECT_FALSE(example->lock.file);
    EXPECT_EQ(example->lock.enforce_addresses, settings::lock{}.enforce_addresses);
}

TEST(settings_example, shows_the_defaults_of_the_care_for_nodes) {
    const test::configuration_folder folder;
    const auto example = folder.parse(whole_example());
    ASSERT_TRUE(example);
    const settings::configuration unset;
    EXPECT_EQ(example->balance, unset.balance);
    EXPECT_EQ(example->health.interval, unset.health.interval);
    EXPECT_EQ(example->health.timeout, unset.health.timeout);
    EXPECT_EQ(example->health.fall, unset.health.fall);
    EXPECT_EQ(example->health.rise, unset.health.rise);
    EXPECT_FALSE(example->health.http);
    EXPECT_EQ(example->spares, unset.spares);
    EXPECT_EQ(example->lifetime, unset.lifetime);
    EXPECT_EQ(example->admin.bind, unset.admin.bind);
    EXPECT_FALSE(example->admin.control);
}

/// The page that is asked for is not in the model while it is not enabled.
TEST(settings_example, shows_the_defaults_of_the_page_that_may_be_asked_for) {
    const test::configuration_folder folder;
    auto text = whole_example();
    const std::string off = "enabled: false";
    ASSERT_NE(text.find(off), std::string::npos);
    const auto example = folder.parse(text.replace(text.find(off), off.size(), "enabled: true"));
    ASSERT_TRUE(example);
    ASSERT_TRUE(example->health.http);
    EXPECT_EQ(example->health.http->port, settings::health_http{}.port);
    EXPECT_EQ(example->health.http->path, settings::health_http{}.path);
    EXPECT_FALSE(example->health.http->ca);
}

TEST(settings_example, shows_the_defaults_of_names) {
    const test::configuration_folder folder;
    const auto example = folder.parse(whole_example());
    ASSERT_TRUE(example);
    const auto& resolver = example->resolver;
    const settings::resolver unset;
    EXPECT_EQ(resolver.agreement, unset.agreement);
    EXPECT_EQ(resolver.dnssec, unset.dnssec);
    EXPECT_EQ(resolver.timeout, unset.timeout);
    EXPECT_EQ(resolver.refresh_min, unset.refresh_min);
    EXPECT_EQ(resolver.refresh_max, unset.refresh_max);
    EXPECT_EQ(resolver.removal_hold, unset.removal_hold);
    EXPECT_EQ(resolver.max_addresses, unset.max_addresses);
    EXPECT_EQ(resolver.max_stale, unset.max_stale);
    const auto& node = example->cluster.nodes.at(1);
    const auto* way = std::get_if<settings::resolved>(&node.found);
    ASSERT_NE(way, nullptr);
    EXPECT_TRUE(way->deny.empty());
    ASSERT_EQ(way->cname_allow.size(), 1U);
    EXPECT_EQ(way->cname_allow[0], core::dns_name::parse(node.host.text())->parent());
    EXPECT_EQ(way->network, settings::resolved{}.network);
    EXPECT_FALSE(way->srv);
}

} // namespace
} // namespace roachpin
