#include "settings/parse.hpp"
#include "unit/settings/configuration_folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>

namespace roachpin {
namespace {

using namespace std::chrono_literals;
using test::configuration_folder;
using test::written;

class settings_parse : public testing::Test {
protected:
    /// For texts that must be good.
    settings::configuration good(const std::string& text,
                                 const settings::overrides& flags = {}) const {
        auto parsed = folder_.parse(text, flags);
        EXPECT_TRUE(parsed) << folder_.problems(parsed);
        return parsed ? *parsed : settings::configuration{};
    }

    /// The sentence about a text with a single problem.
    std::string problem(const std::string& text, const settings::overrides& flags = {}) const {
        return folder_.problems(text, flags);
    }

    settings::configuration every_key() const {
        std::ifstream file(std::string(ROACHPIN_TEST_DATA) + "/config/good/every_key.yaml");
        return good({std::istreambuf_iterator<char>(file), {}});
    }

    configuration_folder folder_;
};

TEST_F(settings_parse, what_is_left_out_has_its_default) {
    const auto parsed = good(written{}.text());
    ASSERT_EQ(parsed.listeners.size(), 1U);
    const auto& listener = parsed.listeners[0];
    EXPECT_EQ(to_string(listener.bind), "127.0.0.1:26257");
    EXPECT_EQ(listener.mode, settings::listener_mode::originate);
    EXPECT_FALSE(listener.tls);
    EXPECT_EQ(listener.max_connections, 1024U);
    EXPECT_EQ(listener.unix_mode, 0660U);
    EXPECT_TRUE(listener.allow_uids.empty());
    EXPECT_EQ(listener.allow_from, settings::loopback_networks());
    EXPECT_FALSE(listener.dangerous_plaintext_beyond_loopback);
    EXPECT_FALSE(parsed.cluster.crl);
    EXPECT_FALSE(parsed.cluster.client_certificate);
    EXPECT_EQ(parsed.cluster.min_tls, core::tls_version::v1_2);
    ASSERT_EQ(parsed.cluster.nodes.size(), 1U);
    EXPECT_EQ(parsed.cluster.nodes[0].port, 26257);
    EXPECT_EQ(parsed.cluster.nodes[0].tier, 0U);
    EXPECT_EQ(parsed.timeouts, settings::timeouts{});
    EXPECT_EQ(parsed.keepalive, settings::keepalive{});
    EXPECT_EQ(parsed.drain, settings::drain{});
    EXPECT_EQ(parsed.limits, settings::limits{});
    EXPECT_EQ(parsed.log, settings::log{});
    EXPECT_EQ(parsed.workers, 0U);
    EXPECT_TRUE(parsed.resolver.servers.empty());
    EXPECT_FALSE(parsed.lock.file);
    EXPECT_FALSE(parsed.lock.enforce_addresses);
    EXPECT_EQ(parsed.start, settings::start_mode::fail_fast);
    EXPECT_EQ(parsed.balance, policy::balance::least_connections);
    EXPECT_FALSE(parsed.health.http);
    EXPECT_EQ(parsed.spares, settings::spares{});
    EXPECT_EQ(parsed.lifetime, settings::lifetime{});
    EXPECT_EQ(parsed.admin.bind, core::endpoint::parse("127.0.0.1:9257").value());
    EXPECT_FALSE(parsed.admin.control);
}

TEST_F(settings_parse, defaults_are_those_of_the_specification) {
    const settings::timeouts timeouts;
    EXPECT_EQ(timeouts.client_opening, 10s);
    EXPECT_EQ(timeouts.dial, 5s);
    EXPECT_EQ(timeouts.establish, 15s);
    EXPECT_EQ(timeouts.idle, 0s);
    EXPECT_EQ(timeouts.half_close, 10s);
    const settings::keepalive keepalive;
    EXPECT_EQ(keepalive.idle, 30s);
    EXPECT_EQ(keepalive.interval, 10s);
    EXPECT_EQ(keepalive.count, 3U);
    EXPECT_EQ(keepalive.user_timeout, 30s);
    EXPECT_EQ(settings::drain{}.delay, 0s);
    EXPECT_EQ(settings::drain{}.timeout, 25s);
    EXPECT_EQ(settings::limits{}.max_connections, 4096U);
    EXPECT_EQ(settings::limits{}.max_opening, 256U);
    const settings::health health;
    EXPECT_EQ(health.interval, 5s);
    EXPECT_EQ(health.timeout, 2s);
    EXPECT_EQ(health.fall, 2U);
    EXPECT_EQ(health.rise, 1U);
    EXPECT_EQ(settings::health_http{}.port, 8080);
    EXPECT_EQ(settings::health_http{}.path, "/health?ready=1");
    EXPECT_EQ(settings::spares{}.per_node, 2U);
    EXPECT_EQ(settings::spares{}.max_age, 30s);
    EXPECT_EQ(settings::lifetime{}.max, 0s);
    EXPECT_EQ(settings::lifetime{}.jitter_percent, 10U);
    EXPECT_EQ(settings::log{}.level, settings::log_level::info);
    EXPECT_EQ(settings::log{}.format, settings::log_format::text);
}

TEST_F(settings_parse, every_key_of_a_listener_arrives) {
    const auto listeners = every_key().listeners;
    ASSERT_EQ(listeners.size(), 4U);
    EXPECT_EQ(to_string(listeners[0].bind), "0.0.0.0:26999");
    ASSERT_TRUE(listeners[0].tls);
    const auto* files = std::get_if<settings::certificate_files>(&listeners[0].tls->certificate);
    ASSERT_NE(files, nullptr);
    EXPECT_EQ(files->certificate.path, folder_.path("node.crt"));
    EXPECT_EQ(files->key.path, folder_.path("node.key"));
    ASSERT_TRUE(listeners[0].tls->client_ca);
    EXPECT_EQ(listeners[0].tls->client_ca->path, folder_.path("certs/ca.crt"));
    EXPECT_TRUE(listeners[0].tls->required);
    EXPECT_EQ(listeners[0].max_connections, 7U);
    ASSERT_EQ(listeners[0].allow_from.size(), 3U);
    EXPECT_EQ(listeners[0].allow_from[2].to_string(), "192.0.2.1/32");
    ASSERT_TRUE(listeners[1].tls);
    const auto* automatic =
        std::get_if<settings::automatic_certificate>(&listeners[1].tls->certificate);
    ASSERT_NE(automatic, nullptr);
    ASSERT_TRUE(automatic->export_file);
    EXPECT_EQ(automatic->export_file->path, folder_.path("local.crt"));
    EXPECT_TRUE(listeners[1].dangerous_plaintext_beyond_loopback);
    EXPECT_EQ(to_string(listeners[2].bind), "unix:/run/roachpin/.s.PGSQL.26257");
    EXPECT_FALSE(listeners[2].tls);
    EXPECT_EQ(listeners[2].unix_mode, 0600U);
    EXPECT_EQ(listeners[2].allow_uids, (std::vector<uid_t>{0, 4294967294}));
    EXPECT_EQ(listeners[2].mode, settings::listener_mode::originate);
    EXPECT_EQ(listeners[3].mode, settings::listener_mode::passthrough);
}

TEST_F(settings_parse, every_key_of_the_cluster_arrives) {
    const auto cluster = every_key().cluster;
    EXPECT_EQ(cluster.ca.path, folder_.path("certs/ca.crt"));
    ASSERT_TRUE(cluster.crl);
    EXPECT_EQ(cluster.crl->path, folder_.path("crl.pem"));
    ASSERT_EQ(cluster.spki_sha256.size(), 1U);
    ASSERT_EQ(cluster.revoked_spki_sha256.size(), 1U);
    EXPECT_EQ(cluster.revoked_spki_sha256[0].to_base64(),
              "E9CZ9INDbd+2eRQozYqqbQ2yXLVKB9+xcprMF+44U1g=");
    EXPECT_EQ(cluster.min_tls, core::tls_version::v1_3);
    ASSERT_TRUE(cluster.client_certificate);
    EXPECT_EQ(cluster.client_certificate->key.path, folder_.path("node.key"));
    ASSERT_EQ(cluster.nodes.size(), 3U);
    const auto& first = cluster.nodes[0];
    EXPECT_EQ(first.host.text(), "crdb-0.crdb.internal");
    EXPECT_EQ(first.port, 26999);
    const auto* first_way = std::get_if<settings::pinned>(&first.found);
    ASSERT_NE(first_way, nullptr);
    ASSERT_EQ(first_way->addresses.size(), 2U);
    EXPECT_EQ(first_way->addresses[1].to_string(), "fd00:1::3");
    EXPECT_EQ(first.tier, 2U);
    EXPECT_EQ(first.spki_sha256, cluster.spki_sha256);
    EXPECT_TRUE(cluster.nodes[1].host.ip());
    const auto* second_way = std::get_if<settings::pinned>(&cluster.nodes[1].found);
    ASSERT_NE(second_way, nullptr);
    EXPECT_EQ(second_way->addresses.at(0).to_string(), "10.1.2.4");
}

TEST_F(settings_parse, every_other_key_arrives) {
    const auto parsed = every_key();
    EXPECT_EQ(parsed.timeouts, (settings::timeouts{250ms, 4s, 2min, 24h, 1s}));
    EXPECT_EQ(parsed.keepalive, (settings::keepalive{31s, 2min, 5, 0s}));
    EXPECT_EQ(parsed.drain, (settings::drain{7s, 0s}));
    EXPECT_EQ(parsed.limits, (settings::limits{9, 8}));
    EXPECT_EQ(parsed.log, (settings::log{settings::log_level::debug, settings::log_format::json}));
    EXPECT_EQ(parsed.workers, 3U);
    ASSERT_TRUE(parsed.lock.file);
    EXPECT_EQ(parsed.lock.file->path, folder_.path("roachpin.lock"));
    EXPECT_TRUE(parsed.lock.enforce_addresses);
    EXPECT_EQ(parsed.start, settings::start_mode::wait);
    EXPECT_EQ(parsed.lifetime, (settings::lifetime{15min, 25}));
    EXPECT_EQ(parsed.admin.bind, core::endpoint::parse("[::1]:9258").value());
    EXPECT_EQ(parsed.admin.control, core::unix_path{"/tmp/roachpin-26999.sock"});
}

TEST_F(settings_parse, what_is_suppressed_arrives_with_its_place) {
    const auto parsed = good(written{.rest = "suppress:\n  - {id: DNS-NODATA, reason: r, "
                                             "expires: 2027-01-31}\n"}
                                 .text());
    ASSERT_EQ(parsed.suppress.size(), 1U);
    EXPECT_EQ(parsed.suppress[0].id, "DNS-NODATA");
    EXPECT_FALSE(parsed.suppress[0].host);
    EXPECT_EQ(parsed.suppress[0].expires,
              std::chrono::year_month_day(std::chrono::year(2027), std::chrono::January,
                                          std::chrono::day(31)));
    EXPECT_TRUE(parsed.suppress[0].where.ends_with(":9: suppress[0]"));
}

TEST_F(settings_parse, there_may_be_no_admin_server) {
    EXPECT_FALSE(good(written{.rest = "admin: {bind: ~}\n"}.text()).admin.bind);
}

TEST_F(settings_parse, every_key_of_the_care_for_nodes_arrives) {
    const auto parsed = every_key();
    EXPECT_EQ(parsed.balance, policy::balance::round_robin);
    EXPECT_EQ(parsed.health.interval, 3s);
    EXPECT_EQ(parsed.health.timeout, 3s);
    EXPECT_EQ(parsed.health.fall, 4U);
    EXPECT_EQ(parsed.health.rise, 3U);
    ASSERT_TRUE(parsed.health.http);
    EXPECT_EQ(parsed.health.http->port, 8081);
    EXPECT_EQ(parsed.health.http->path, "/health?ready=1&from=roachpin#%20");
    ASSERT_TRUE(parsed.health.http->ca);
    EXPECT_EQ(parsed.health.http->ca->path, folder_.path("certs/ca.crt"));
    EXPECT_EQ(parsed.spares, (settings::spares{0, 1min}));
}

TEST_F(settings_parse, nodes_are_chosen_in_three_ways) {
    using policy::balance;
    for (const auto& [name, expected] :
         {std::pair{"least_connections", balance::least_connections},
          std::pair{"round_robin", balance::round_robin}, std::pair{"random", balance::random}}) {
        EXPECT_EQ(good(written{.rest = "balance: " + std::string(name) + "\n"}.text()).balance,
                  expected);
    }
}

TEST_F(settings_parse, a_page_that_is_not_asked_for_leaves_no_trace) {
    const std::string keys = "port: 1, path: /, ca_file: ca.crt";
    const auto text = [&](const char* enabled) {
        return written{.rest = "health: {http: {" + keys + enabled + "}}\n"}.text();
    };
    EXPECT_FALSE(good(text("")).health.http);
    EXPECT_FALSE(good(text(", enabled: false")).health.http);
    const auto http = good(text(", enabled: true")).health.http;
    ASSERT_TRUE(http);
    EXPECT_EQ(http->port, 1);
    EXPECT_EQ(http->path, "/");
}

TEST_F(settings_parse, the_path_of_a_page_has_up_to_1024_octets) {
    const auto text = [](std::size_t length) {
        const std::string path = "/" + std::string(length - 1, '~');
        return written{.rest = "health: {http: {path: \"" + path + "\"}}\n"}.text();
    };
    EXPECT_EQ(problem(text(1024)), "");
    EXPECT_NE(problem(text(1025)), "");
}

TEST_F(settings_parse, later_stages_learn_where_a_value_stands) {
    const auto parsed = good(written{.listener = "    tls: {auto: true}\n"}.text());
    const auto file = folder_.path("roachpin.yaml").string();
    EXPECT_EQ(parsed.cluster.ca.where, file + ":5: cluster.ca_file");
    EXPECT_EQ(parsed.listeners[0].where, file + ":2: listeners[0]");
    EXPECT_EQ(parsed.cluster.nodes[0].where, file + ":7: cluster.nodes[0]");
}

TEST_F(settings_parse, a_later_stage_learns_where_the_control_socket_stands) {
    const auto parsed = good(written{.rest = "admin:\n  control: unix:/tmp/a.sock\n"}.text());
    EXPECT_EQ(parsed.admin.control_where,
              folder_.path("roachpin.yaml").string() + ":9: admin.control");
}

TEST_F(settings_parse, a_tilde_is_the_default_of_optional_keys) {
    const auto parsed =
        good(written{.listener = "    tls: ~\n",
                     .cluster = "  crl_file: ~\n  client_cert_file: null\n  client_key_file:\n"}
                 .text());
    EXPECT_FALSE(parsed.listeners[0].tls);
    EXPECT_FALSE(parsed.cluster.crl);
    EXPECT_FALSE(parsed.cluster.client_certificate);
}

TEST_F(settings_parse, relative_paths_start_at_the_folder_of_the_file) {
    const auto text = written{.cluster = "  crl_file: ./folder/../crl.pem\n"}.text();
    EXPECT_EQ(good(text).cluster.crl->path, folder_.path("crl.pem"));
    const auto absolute = folder_.path("crl.pem").string();
    EXPECT_EQ(good(written{.cluster = "  crl_file: " + absolute + "\n"}.text()).cluster.crl->path,
              absolute);
}

TEST_F(settings_parse, a_bind_beyond_loopback_has_two_ways_out) {
    const std::string tls = "    tls: {auto: true, required: true}\n";
    const std::string danger = "    dangerous_plaintext_beyond_loopback: true\n";
    for (const auto* bind : {"0.0.0.0:1", "\"[::]:1\"", "10.0.0.1:0", "\"[fd00::1]:1\""}) {
        EXPECT_NE(problem(written{.bind = bind}.text()), "") << bind;
        EXPECT_EQ(problem(written{.bind = bind, .listener = tls}.text()), "") << bind;
        EXPECT_EQ(problem(written{.bind = bind, .listener = danger}.text()), "") << bind;
    }
}

TEST_F(settings_parse, passthrough_may_be_bound_anywhere) {
    const std::string mode = "    mode: passthrough\n";
    for (const auto* bind : {"0.0.0.0:1", "\"[::]:1\"", "10.0.0.1:0", "127.0.0.1:1", "unix:/x"}) {
        EXPECT_EQ(problem(written{.bind = bind, .listener = mode}.text()), "") << bind;
    }
}

TEST_F(settings_parse, passthrough_has_no_tls_of_roachpins_own) {
    const auto with = [&](const std::string& tls) {
        return problem(written{.listener = "    mode: passthrough\n    tls: " + tls + "\n"}.text());
    };
    EXPECT_EQ(with("~"), "");
    EXPECT_NE(with("{auto: true}"), "");
}

TEST_F(settings_parse, passthrough_has_no_plaintext_to_allow) {
    const auto with = [&](const char* allowed) {
        return problem(written{.listener = "    mode: passthrough\n"
                                           "    dangerous_plaintext_beyond_loopback: " +
                                           std::string(allowed) + "\n"}
                           .text());
    };
    EXPECT_EQ(with("false"), "");
    EXPECT_NE(with("true"), "");
}

TEST_F(settings_parse, the_control_socket_is_no_listeners) {
    const auto with = [&](const std::string& bind) {
        return problem(
            written{.bind = bind, .rest = "admin: {control: unix:/tmp/a.sock}\n"}.text());
    };
    EXPECT_EQ(with("unix:/tmp/b.sock"), "");
    EXPECT_EQ(with("127.0.0.1:0"), "");
    for (const auto* bind : {"unix:/tmp/a.sock", "unix:/tmp//a.sock", "unix:/tmp/x/../a.sock"}) {
        EXPECT_NE(with(bind), "") << bind;
    }
}

TEST_F(settings_parse, all_of_loopback_may_be_bound_in_plaintext) {
    for (const auto* bind :
         {"127.0.0.1:0", "127.9.9.9:1", "\"[::1]:1\"", "\"[::ffff:127.0.0.1]:1\"", "unix:/x"}) {
        EXPECT_EQ(problem(written{.bind = bind}.text()), "") << bind;
    }
}

TEST_F(settings_parse, port_zero_is_never_the_same_port) {
    EXPECT_EQ(problem("listeners:\n  - bind: 127.0.0.1:0\n  - bind: 127.0.0.1:0\n" +
                      written{}.text().substr(written{}.text().find("cluster:"))),
              "");
}

TEST_F(settings_parse, a_host_may_have_several_ports) {
    const std::string twin = "    - {host: crdb.internal, port: 26258, addresses: [10.1.2.3]}\n";
    EXPECT_EQ(problem(written{.node = twin}.text()), "");
}

/// `[::]` may take IPv4 too; `0.0.0.0` never takes IPv6.
TEST_F(settings_parse, a_node_at_roachpins_own_address_is_refused) {
    struct row {
        const char* bind;
        const char* address;
        bool is_own;
    };

    for (const auto& [bind, address, is_own] : {
             row{"127.0.0.1:26257", "127.0.0.1", true},
             row{"127.0.0.1:26257", "127.0.0.2", false},
             row{"127.0.0.1:26258", "127.0.0.1", false},
             row{"127.0.0.1:0", "127.0.0.1", false},
             row{"0.0.0.0:26257", "127.1.2.3", true},
             row{"0.0.0.0:26257", "\"::1\"", false},
             row{"0.0.0.0:26257", "10.1.2.3", false},
             row{"\"[::]:26257\"", "\"::1\"", true},
             row{"\"[::]:26257\"", "127.0.0.1", true},
             row{"10.0.0.1:26257", "10.0.0.1", true},
             row{"unix:/run/a", "127.0.0.1", false},
         }) {
        const written text{.bind = bind,
                           .listener = "    tls: {auto: true, required: true}\n",
                           .addresses = "[" + std::string(address) + "]"};
        EXPECT_EQ(problem(text.text()).find("roachpin's own") != std::string::npos, is_own)
            << bind << " " << address;
    }
}

TEST_F(settings_parse, listen_replaces_the_only_bind) {
    const auto parsed = good(written{}.text(), {.listen = "[::1]:0"});
    EXPECT_EQ(to_string(parsed.listeners[0].bind), "[::1]:0");
}

TEST_F(settings_parse, listen_stands_in_for_a_bind_that_is_missing) {
    auto text = written{}.text();
    text.replace(text.find("bind: 127.0.0.1:26257"), 21, "max_connections: 5");
    EXPECT_EQ(to_string(good(text, {.listen = "127.0.0.1:1"}).listeners[0].bind), "127.0.0.1:1");
}

TEST_F(settings_parse, listen_is_held_to_the_rules_of_the_file) {
    EXPECT_EQ(problem(written{}.text(), {.listen = "0.0.0.0:26257"}),
              "command line: --listen: 0.0.0.0:26257 can be reached from other machines, and "
              "clients would send passwords and data in plaintext; set tls.required: true, or "
              "dangerous_plaintext_beyond_loopback: true if that network may read them; and name "
              "the clients' networks in allow_from, which lets in this machine alone by default\n");
    EXPECT_EQ(problem(written{}.text(), {.listen = "localhost"}),
              "command line: --listen: \"localhost\" is not an address and a port; write "
              "127.0.0.1:26257 or \"[::1]:26257\", or unix:/run/roachpin/.s.PGSQL.26257\n");
    EXPECT_EQ(problem(written{.addresses = "[127.0.0.1]"}.text(), {.listen = "127.0.0.1:26257"}),
              "roachpin.yaml:7: cluster.nodes[0].addresses[0]: 127.0.0.1:26257 is roachpin's own "
              "--listen; write the database's address\n");
}

TEST_F(settings_parse, listen_cannot_choose_between_listeners) {
    const written text{.listener = "  - bind: 127.0.0.1:1\n"};
    EXPECT_EQ(problem(text.text(), {.listen = "127.0.0.1:2"}),
              "command line: --listen: the file has 2 listeners, and the flag replaces the bind of "
              "an only one; change the file instead\n");
}

TEST_F(settings_parse, log_flags_replace_the_files_values_even_bad_ones) {
    const settings::overrides flags{.log_level = "error", .log_format = "json"};
    const settings::log expected{settings::log_level::error, settings::log_format::json};
    EXPECT_EQ(good(written{}.text(), flags).log, expected);
    EXPECT_EQ(good(written{.rest = "log: {level: loud}\n"}.text(), flags).log, expected);
}

TEST_F(settings_parse, bad_flags_are_reported_beside_the_files_problems) {
    EXPECT_EQ(problem(written{.rest = "workers: 0\n"}.text(), {.log_level = "loud"}),
              "command line: --log-level: \"loud\" is not a value of this key; write debug, info, "
              "warning or error\n"
              "roachpin.yaml:8: workers: \"0\" is not a whole number from 1 to 1024, nor auto\n");
}

TEST_F(settings_parse, flags_are_not_expanded_again) {
    EXPECT_NE(problem(written{}.text(), {.listen = "127.0.0.1:${PORT}"}), "");
}

TEST_F(settings_parse, load_says_why_a_file_cannot_be_read) {
    const auto load = [&](const std::string& name) {
        return folder_.problems(settings::load(folder_.path(name), folder_.variables));
    };
    EXPECT_EQ(load("absent.yaml"),
              "absent.yaml: cannot read the file: No such file or directory\n");
    EXPECT_EQ(load("folder"), "folder: cannot read the file: Is a directory\n");
}

TEST_F(settings_parse, load_refuses_what_is_too_large_to_be_a_configuration) {
    std::ofstream(folder_.path("large.yaml")) << std::string(1024UL * 1024 + 1, '#');
    EXPECT_EQ(folder_.problems(settings::load(folder_.path("large.yaml"), folder_.variables)),
              "large.yaml: the file is larger than 1 MiB; name the right one\n");
}

TEST_F(settings_parse, load_reads_a_file) {
    std::ofstream(folder_.path("roachpin.yaml")) << written{}.text();
    EXPECT_TRUE(settings::load(folder_.path("roachpin.yaml"), folder_.variables));
}

} // namespace
} // namespace roachpin
