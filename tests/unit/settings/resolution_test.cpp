#include "unit/settings/configuration_folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

/// Nodes whose names are resolved, in the whole configuration.
namespace roachpin {
namespace {

using test::written;

class settings_resolution : public testing::Test {
protected:
    /// A configuration whose node has these lines instead of addresses.
    static written resolved_by(const std::string& node) {
        return {.addresses = "", .node = node, .rest = "resolver: {servers: 10.0.0.53}\n"};
    }

    settings::resolved good(const std::string& node) const {
        const auto parsed = folder_.parse(resolved_by(node).text());
        EXPECT_TRUE(parsed) << folder_.problems(parsed);
        const auto* way =
            parsed ? std::get_if<settings::resolved>(&parsed->cluster.nodes.at(0).found) : nullptr;
        EXPECT_NE(way, nullptr) << node;
        return way == nullptr ? settings::resolved{} : *way;
    }

    std::string problems(const std::string& node) const {
        return folder_.problems(resolved_by(node).text());
    }

    static std::string names(const std::vector<core::dns_name>& all) {
        std::string text;
        for (const auto& name : all) {
            text += name.text() + " ";
        }
        return text;
    }

    test::configuration_folder folder_;
};

TEST_F(settings_resolution, what_is_left_out_has_its_default) {
    const auto way = good("      allow: [10.1.0.0/16]\n");
    ASSERT_EQ(way.allow.size(), 1U);
    EXPECT_EQ(way.allow[0].to_string(), "10.1.0.0/16");
    EXPECT_TRUE(way.deny.empty());
    EXPECT_EQ(names(way.cname_allow), "crdb.internal ");
    EXPECT_EQ(way.network, policy::network_class::any);
    EXPECT_FALSE(way.srv);
}

TEST_F(settings_resolution, every_key_arrives) {
    std::ifstream file(std::string(ROACHPIN_TEST_DATA) + "/config/good/every_key.yaml");
    const auto parsed = folder_.parse({std::istreambuf_iterator<char>(file), {}});
    ASSERT_TRUE(parsed) << folder_.problems(parsed);
    const auto* way = std::get_if<settings::resolved>(&parsed->cluster.nodes.at(2).found);
    ASSERT_NE(way, nullptr);
    ASSERT_EQ(way->allow.size(), 3U);
    EXPECT_EQ(way->allow[2].to_string(), "10.2.0.1/32");
    ASSERT_EQ(way->deny.size(), 1U);
    EXPECT_EQ(way->deny[0].to_string(), "10.1.255.0/24");
    EXPECT_EQ(names(way->cname_allow), "db.internal internal.example ");
    EXPECT_EQ(way->network, policy::network_class::private_only);
    ASSERT_TRUE(way->srv);
    EXPECT_EQ(way->srv->text(), "_sql._tcp.crdb.internal");
    const auto& resolver = parsed->resolver;
    ASSERT_EQ(resolver.servers.size(), 3U);
    EXPECT_EQ(resolver.servers[0].name->text(), "dns.internal");
    EXPECT_EQ(resolver.servers[1].name->text(), "fd00::55");
    EXPECT_EQ(resolver.agreement, 2U);
    EXPECT_EQ(resolver.dnssec, policy::dnssec_mode::require_ad);
    EXPECT_EQ(resolver.timeout, std::chrono::milliseconds(1500));
    EXPECT_EQ(resolver.refresh_min, std::chrono::seconds(1));
    EXPECT_EQ(resolver.refresh_max, std::chrono::minutes(2));
    EXPECT_EQ(resolver.removal_hold, std::chrono::seconds(0));
    EXPECT_EQ(resolver.max_addresses, 8U);
    EXPECT_EQ(resolver.max_stale, std::chrono::hours(0));
}

TEST_F(settings_resolution, aliases_stay_in_the_hosts_own_domain_by_default) {
    using row = std::pair<const char*, const char*>;
    for (const auto& [host, suffix] :
         {row{"crdb-0.db.internal", "db.internal "}, row{"CRDB.Internal.", "crdb.internal "},
          row{"crdb", "crdb "}}) {
        auto text = resolved_by("      allow: [10.1.0.0/16]\n").text();
        text.replace(text.find("crdb.internal"), 13, host);
        const auto parsed = folder_.parse(text);
        ASSERT_TRUE(parsed) << folder_.problems(parsed);
        EXPECT_EQ(
            names(std::get<settings::resolved>(parsed->cluster.nodes.at(0).found).cname_allow),
            suffix);
    }
}

TEST_F(settings_resolution, no_alias_may_be_allowed_at_all) {
    EXPECT_TRUE(good("      allow: [10.1.0.0/16]\n      cname_allow: []\n").cname_allow.empty());
}

TEST_F(settings_resolution, defaults_may_be_written_beside_addresses_where_they_are_no_rule) {
    EXPECT_EQ(folder_.problems(written{.node = "      srv: ~\n"}.text()), "");
}

TEST_F(settings_resolution, any_network_but_all_of_them_may_be_allowed) {
    for (const auto* network : {"10.1.2.3", "0.0.0.0/1", "'::/1'"}) {
        EXPECT_EQ(problems("      allow: [" + std::string(network) + "]\n"), "") << network;
    }
    for (const auto* network : {"0.0.0.0/0", "'::/0'"}) {
        EXPECT_NE(problems("      allow: [" + std::string(network) + "]\n").find("every address"),
                  std::string::npos)
            << network;
    }
    // The IPv4 networks, in a disguise.
    EXPECT_NE(problems("      allow: ['::ffff:0.0.0.0/96']\n"), "");
}

TEST_F(settings_resolution, a_deny_of_everything_is_the_operators_choice) {
    EXPECT_EQ(problems("      allow: [10.1.0.0/16]\n      deny: ['::/0']\n"), "");
}

/// The default of `~` for `lock.file` is none; one that was refused is not also called missing.
TEST_F(settings_resolution, a_lock_that_cannot_be_is_one_problem) {
    const auto text =
        folder_.problems(written{.rest = "lock: {file: absent/x, addresses: enforce}\n"}.text());
    EXPECT_EQ(text, "roachpin.yaml:8: lock.file: the folder absent does not exist; make it "
                    "first\n");
}

} // namespace
} // namespace roachpin
