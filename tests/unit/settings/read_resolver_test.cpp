#include "settings/read_resolver.hpp"
#include "settings/reader.hpp"
#include "unit/settings/configuration_folder.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::chrono_literals;

class settings_resolver : public testing::Test {
protected:
    settings_resolver() {
        system_.write("resolv.conf", "search internal\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n");
    }

    /// Reads `text`, the inside of `resolver`; problems are in `problems_` then.
    settings::resolver read(const std::string& text) {
        const auto document = settings::read_yaml(text, "x.yaml");
        EXPECT_TRUE(document) << text;
        settings::reading pass{"x.yaml", folder_.variables, {}, {}};
        settings::mapping in(pass, *document);
        auto read = settings::read_resolver(in, folder_.path(""), system_.path() / "resolv.conf");
        in.finish();
        problems_ = to_string(pass.problems);
        return read;
    }

    settings::resolver good(const std::string& text) {
        auto resolver = read(text);
        EXPECT_EQ(problems_, "") << text;
        return resolver;
    }

    /// Whether `text` has exactly one problem, which is about `key` and says `words`.
    testing::AssertionResult is_refused(const std::string& text, const std::string& key,
                                        const std::string& words) {
        read(text);
        const bool is_one = std::count(problems_.begin(), problems_.end(), '\n') == 1;
        const bool is_it = problems_.find(": " + key + ": ") != std::string::npos &&
                           problems_.find(words) != std::string::npos;
        return (is_one && is_it ? testing::AssertionSuccess() : testing::AssertionFailure())
               << text << "\n"
               << problems_;
    }

    std::string texts_of(const settings::resolver& resolver) {
        std::string texts;
        for (const auto& server : resolver.servers) {
            texts += server.text + " ";
        }
        return texts;
    }

    test::configuration_folder folder_;
    test::temp_dir system_;
    std::string problems_;
};

TEST_F(settings_resolver, defaults_are_those_of_the_specification) {
    const auto resolver = good("{}");
    EXPECT_TRUE(resolver.servers.empty());
    EXPECT_FALSE(resolver.ca);
    EXPECT_EQ(resolver.agreement, 1U);
    EXPECT_EQ(resolver.dnssec, policy::dnssec_mode::off);
    EXPECT_FALSE(resolver.trust_anchor);
    EXPECT_EQ(resolver.timeout, 2s);
    EXPECT_EQ(resolver.refresh_min, 5s);
    EXPECT_EQ(resolver.refresh_max, 60s);
    EXPECT_EQ(resolver.removal_hold, 30s);
    EXPECT_EQ(resolver.max_addresses, 32U);
    EXPECT_EQ(resolver.max_stale, 24h);
}

TEST_F(settings_resolver, servers_are_a_list_or_one) {
    EXPECT_EQ(texts_of(good("servers: [10.0.0.53, 'udp://10.0.0.54:53']")),
              "10.0.0.53 udp://10.0.0.54:53 ");
    EXPECT_EQ(texts_of(good("servers: 10.0.0.53")), "10.0.0.53 ");
    EXPECT_EQ(texts_of(good("servers: 10.0.0.${ABSENT:-99}")), "10.0.0.99 ");
    EXPECT_EQ(texts_of(good("servers: []")), "");
    EXPECT_TRUE(is_refused("servers: ~", "servers", "has no value"));
    EXPECT_TRUE(is_refused("servers: {a: b}", "servers", "a list ([a, b]) is expected"));
    EXPECT_TRUE(
        is_refused("servers: [10.0.0.53, dns]", "servers[1]", "\"dns\" is not a DNS server"));
    EXPECT_TRUE(is_refused("servers: dns", "servers", "\"dns\" is not a DNS server"));
}

TEST_F(settings_resolver, system_stands_for_the_nameservers_of_the_system) {
    EXPECT_EQ(texts_of(good("servers: system")), "10.0.0.1 10.0.0.2 ");
    EXPECT_EQ(texts_of(good("servers: [10.0.0.53, system]")), "10.0.0.53 10.0.0.1 10.0.0.2 ");
    EXPECT_TRUE(is_refused("servers: [10.0.0.2, system]", "servers[1]",
                           "10.0.0.2 is in this list already, as 10.0.0.2"));
    system_.write("resolv.conf", "search internal\n");
    EXPECT_TRUE(is_refused("servers: system", "servers", "names no nameserver"));
}

/// As long as it is not known who is asked, nothing is said of how many agree or how they prove it.
TEST_F(settings_resolver, servers_that_cannot_be_read_are_the_only_problem) {
    EXPECT_TRUE(is_refused("servers: [dns]\nca_file: ca.crt\nagreement: 2\ndnssec: validate",
                           "servers[0]", "is not a DNS server"));
}

TEST_F(settings_resolver, one_place_is_one_server_however_it_is_asked) {
    for (const auto* twice :
         {"[10.0.0.53, 10.0.0.53]", "[10.0.0.53, '10.0.0.53:53']", "[10.0.0.53, 'udp://10.0.0.53']",
          "['::1', '[0::1]:53']", "[10.0.0.53, '::ffff:10.0.0.53']"}) {
        EXPECT_TRUE(
            is_refused("servers: " + std::string(twice), "servers[1]", "is in this list already"));
    }
    good("servers: [10.0.0.53, '10.0.0.53:5353', '::1', 127.0.0.1]");
    EXPECT_TRUE(is_refused("servers: ['10.0.0.53:853', 'tls://10.0.0.53#a.b']\nca_file: ca.crt",
                           "servers[1]",
                           "tls://10.0.0.53#a.b is in this list already, as 10.0.0.53:853"));
}

TEST_F(settings_resolver, there_is_an_end_to_servers) {
    std::string sixteen = "10.0.1.1";
    for (int last = 2; last <= 16; ++last) {
        sixteen += ", 10.0.1." + std::to_string(last);
    }
    EXPECT_EQ(good("agreement: 16\nservers: [" + sixteen + "]").agreement, 16U);
    EXPECT_TRUE(is_refused("servers: [" + sixteen + ", 10.0.2.1]", "servers",
                           "17 servers are more than can be asked; name at most 16"));
    EXPECT_TRUE(is_refused("agreement: 17\nservers: [" + sixteen + "]", "agreement",
                           "not a whole number from 1 to 16"));
}

TEST_F(settings_resolver, tls_servers_need_roots_and_nobody_else_does) {
    const auto resolver = good("servers: [tls://10.0.0.55#a.b, 10.0.0.53]\nca_file: ca.crt");
    ASSERT_TRUE(resolver.ca);
    EXPECT_EQ(resolver.ca->path, folder_.path("ca.crt"));
    EXPECT_EQ(resolver.ca->where, "x.yaml:2: ca_file");
    EXPECT_TRUE(is_refused("servers: tls://10.0.0.55#a.b", "ca_file",
                           "tls://10.0.0.55#a.b must prove who it is"));
    EXPECT_TRUE(is_refused("servers: tls://10.0.0.55#a.b\nca_file: ~", "ca_file", "must prove"));
    EXPECT_TRUE(is_refused("servers: 10.0.0.53\nca_file: ca.crt", "ca_file",
                           "no server is asked over TLS"));
    EXPECT_TRUE(is_refused("ca_file: ca.crt", "ca_file", "no server is asked over TLS"));
    EXPECT_TRUE(
        is_refused("servers: tls://10.0.0.55\nca_file: absent.crt", "ca_file", "No such file"));
}

TEST_F(settings_resolver, nobody_on_the_way_may_say_that_it_was_validated) {
    using policy::dnssec_mode;
    const std::string require = "dnssec: require_ad\n";
    for (const auto* servers :
         {"127.0.0.1", "udp://127.0.0.53", "'::1'", "'udp://[::1]:5353'", "'::ffff:127.0.0.1'"}) {
        EXPECT_EQ(good(require + "servers: " + servers).dnssec, dnssec_mode::require_ad);
    }
    good(require + "servers: [127.0.0.1, tls://10.0.0.55#a.b]\nca_file: ca.crt");
    for (const auto* server : {"10.0.0.53", "udp://10.0.0.53", "'fd00::53'"}) {
        EXPECT_TRUE(is_refused(require + "servers: [127.0.0.1, " + server + "]", "servers[1]",
                               "use a tls:// server or one on loopback, or dnssec: validate"));
    }
    EXPECT_TRUE(is_refused(require + "servers: [127.0.0.1]\ntrust_anchor_file: root.key",
                           "trust_anchor_file", "nothing is validated here"));
}

TEST_F(settings_resolver, validating_starts_from_a_trust_anchor) {
    const std::string validate = "dnssec: validate\n";
    const std::string anchor = "trust_anchor_file: root.key\n";
    const auto resolver = good(validate + anchor + "servers: [10.0.0.53, 'udp://10.0.0.54']");
    EXPECT_EQ(resolver.dnssec, policy::dnssec_mode::validate);
    ASSERT_TRUE(resolver.trust_anchor);
    EXPECT_EQ(resolver.trust_anchor->path, folder_.path("root.key"));
    EXPECT_TRUE(is_refused(validate + "servers: 10.0.0.53", "trust_anchor_file",
                           "name the file that holds them"));
    EXPECT_TRUE(is_refused(validate + "trust_anchor_file: ~", "trust_anchor_file",
                           "name the file that holds them"));
    EXPECT_TRUE(is_refused(validate + anchor + "servers: tls://10.0.0.55#a.b\nca_file: ca.crt",
                           "servers", "asks over UDP and TCP only"));
    EXPECT_TRUE(is_refused(anchor + "servers: 10.0.0.53", "trust_anchor_file",
                           "nothing is validated here"));
    EXPECT_TRUE(
        is_refused(validate + "trust_anchor_file: absent", "trust_anchor_file", "No such file"));
}

/// YAML 1.1 takes `off` for a boolean; here every scalar is text.
TEST_F(settings_resolver, dnssec_has_three_values) {
    EXPECT_EQ(good("dnssec: off").dnssec, policy::dnssec_mode::off);
    EXPECT_EQ(good("dnssec: 'off'").dnssec, policy::dnssec_mode::off);
    for (const auto* text : {"on", "false", "require-ad", "Validate", "''"}) {
        EXPECT_TRUE(is_refused("dnssec: " + std::string(text), "dnssec",
                               "is not a value of this key; write off, require_ad or validate"));
    }
}

TEST_F(settings_resolver, no_more_can_agree_than_are_asked) {
    EXPECT_EQ(good("servers: [10.0.0.1, 10.0.0.2]\nagreement: 2").agreement, 2U);
    EXPECT_EQ(good("servers: system\nagreement: 2").agreement, 2U);
    EXPECT_TRUE(is_refused("servers: [10.0.0.1, 10.0.0.2]\nagreement: 3", "agreement",
                           "3 servers cannot agree where 2 are asked"));
    EXPECT_TRUE(is_refused("servers: 10.0.0.1\nagreement: 2", "agreement",
                           "2 servers cannot agree where 1 is asked"));
    EXPECT_TRUE(is_refused("servers: 10.0.0.1\nagreement: 0", "agreement", "from 1 to 16"));
}

TEST_F(settings_resolver, refreshes_have_a_least_and_a_most) {
    EXPECT_EQ(good("refresh_min: 60s").refresh_min, 60s);
    EXPECT_EQ(good("refresh_max: 5s").refresh_max, 5s);
    EXPECT_TRUE(is_refused("refresh_min: 61s", "refresh_min", "is longer than refresh_max"));
    EXPECT_TRUE(is_refused("refresh_max: 4s", "refresh_max", "is longer than refresh_max"));
    EXPECT_TRUE(is_refused("refresh_min: 2s\nrefresh_max: 1s", "refresh_min", "is longer than"));
    EXPECT_TRUE(is_refused("refresh_min: 2m\nrefresh_max: soon", "refresh_max", "not a duration"));
}

TEST_F(settings_resolver, only_some_times_may_be_zero) {
    EXPECT_EQ(good("removal_hold: 0").removal_hold, 0s);
    EXPECT_EQ(good("max_stale: 0s").max_stale, 0s);
    for (const std::string key : {"timeout", "refresh_min", "refresh_max"}) {
        EXPECT_TRUE(is_refused(key + ": 0", key, "write a time above 0"));
    }
}

TEST_F(settings_resolver, max_addresses_is_a_number_above_zero) {
    EXPECT_EQ(good("max_addresses: 1000").max_addresses, 1000U);
    for (const auto* text : {"0", "1001", "-1", "many"}) {
        EXPECT_TRUE(is_refused("max_addresses: " + std::string(text), "max_addresses",
                               "is not a whole number from 1 to 1000"));
    }
}

} // namespace
} // namespace roachpin
