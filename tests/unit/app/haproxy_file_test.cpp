#include "app/haproxy_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using app::haproxy_file;
using app::haproxy_server;
using app::read_haproxy;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

haproxy_server server(const std::string& host, std::uint16_t port = 26257) {
    return {core::host_name::parse(host).value(), port};
}

/// What follows "listen psql", a line each.
haproxy_file read(const std::string& lines) {
    return read_haproxy("listen psql\n" + lines);
}

/// As version 23.1 writes it.
constexpr const char* generated = R"(
global
  maxconn 4096

defaults
    mode                tcp

    # Timeout values should be configured for your specific use.
    retries             2
    timeout connect     5s
    timeout client      10m
    timeout server      10m

    # TCP keep-alive on client side. Server already enables them.
    option              clitcpka

listen psql
    bind :26257
    mode tcp
    balance roundrobin
    option httpchk GET /health?ready=1
    server cockroach1 roach1.internal:26257 check port 8080
    server cockroach2 10.1.2.3:26258 check port 8080
    server cockroach3 [fd00::3]:26257 check port 8080
)";

TEST(haproxy_file, what_cockroach_generates_is_understood) {
    const auto read = read_haproxy(generated);
    EXPECT_THAT(read.servers, ElementsAre(server("roach1.internal"), server("10.1.2.3", 26258),
                                          server("fd00::3")));
    ASSERT_TRUE(read.bind && read.check);
    EXPECT_EQ(read.bind->to_string(), "127.0.0.1:26257");
    EXPECT_EQ(read.check->path, "/health?ready=1");
    EXPECT_EQ(read.check->port, 8080);
    EXPECT_EQ(read.balance, "round_robin");
    EXPECT_THAT(read.notices, ElementsAre(AllOf(HasSubstr("18: bind :26257 became 127.0.0.1:26257"),
                                                HasSubstr("allow_from"))));
}

TEST(haproxy_file, binds_end_up_on_loopback) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"127.0.0.1:1", "127.0.0.1:1"},  {"[::1]:2", "[::1]:2"},    {"::1:2", "[::1]:2"},
        {"*:3", "127.0.0.1:3"},          {"[::]:4", "127.0.0.1:4"}, {"10.0.0.5:5", "127.0.0.1:5"},
        {"db.internal:6", "127.0.0.1:6"}};
    for (const auto& [written, bound] : rows) {
        const auto made = read("bind " + written);
        ASSERT_TRUE(made.bind) << written;
        EXPECT_EQ(made.bind->to_string(), bound);
        const bool is_loopback = written == "127.0.0.1:1" || bound == "[::1]:2";
        EXPECT_EQ(made.notices.empty(), is_loopback) << written;
    }
}

TEST(haproxy_file, what_is_not_understood_is_left_out_and_said) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"bind nonsense", R"(2: "bind nonsense" was left out)"},
        {"bind :0", R"("bind :0" was left out)"},
        {"bind 127.0.0.1:1 ssl crt a.pem", R"("ssl crt a.pem" was left out of "bind")"},
        {"stats enable", R"("stats enable" was left out)"},
        {"mode http", R"("mode http" was left out)"},
        {"balance source", R"("balance source" was left out)"},
        {"option httpchk OPTIONS", R"("option httpchk OPTIONS" was left out)"},
        {"option tcplog", R"("option tcplog" was left out)"},
        {"server a 10.0.0.1", R"(server "10.0.0.1" was left out)"},
        {"server a 10.0.0.1:70000", R"(server "10.0.0.1:70000" was left out)"},
        {"server a \"b:1\"", R"(was left out)"},
        {"server a <node1 address>:26257", R"(server "<node1" was left out)"},
        {"server", R"("server" was left out)"},
        {"server a 10.0.0.1:1 weight 5", R"("weight 5" was left out of "server")"},
        {"server a 10.0.0.1:1 check port x", R"("port x" was left out of "server")"},
        {"server a 10.0.0.1:1\nserver b 10.0.0.1:1",
         R"(3: server "10.0.0.1:1" was left out: it is)"},
    };
    for (const auto& [line, said] : rows) {
        EXPECT_THAT(read(line).notices, ElementsAre(HasSubstr(said))) << line;
    }
}

TEST(haproxy_file, only_the_first_listen_section_is_read) {
    const auto made = read("server a 10.0.0.1:1\n"
                           "listen ui\n bind :8080\n server a 10.0.0.1:8080\n"
                           "backend other\n server b 10.0.0.2:1\n");
    EXPECT_THAT(made.servers, ElementsAre(server("10.0.0.1", 1)));
    EXPECT_FALSE(made.bind);
    EXPECT_THAT(made.notices, ElementsAre(HasSubstr(R"(3: the section "listen ui")"),
                                          HasSubstr(R"(6: the section "backend other")")));
}

TEST(haproxy_file, servers_outside_a_section_are_nobodys) {
    const auto made = read_haproxy("server a 10.0.0.1:1\ndefaults\nserver b 10.0.0.2:1\n");
    EXPECT_THAT(made.servers, IsEmpty());
    EXPECT_EQ(made.notices.size(), 2U);
}

TEST(haproxy_file, a_page_needs_one_port_of_all_servers) {
    const std::string page = "option httpchk GET /health?ready=1\n";
    const std::vector<std::string> rows{
        "server a 10.0.0.1:1 check port 8080\nserver b 10.0.0.2:1 check port 8081\n",
        "server a 10.0.0.1:1 check port 8080\nserver b 10.0.0.2:1\n",
        "server a 10.0.0.1:1 check\n"};
    for (const auto& servers : rows) {
        const auto made = read(page + servers);
        EXPECT_FALSE(made.check) << servers;
        EXPECT_THAT(made.notices, ElementsAre(HasSubstr("health.http"))) << servers;
    }
    EXPECT_FALSE(read("server a 10.0.0.1:1 check port 8080").check);
}

TEST(haproxy_file, whatever_stands_in_it_notices_are_one_printable_line) {
    std::string noise = "listen a\n";
    for (int octet = 1; octet < 256; ++octet) {
        noise += "server x a" + std::string(1, static_cast<char>(octet)) + "b:1\n";
    }
    const auto made = read_haproxy(noise);
    for (const auto& one : made.servers) {
        EXPECT_EQ(one.host.text().find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.:"),
                  std::string::npos);
    }
    EXPECT_GT(made.notices.size(), 150U);
    for (const auto& notice : made.notices) {
        EXPECT_EQ(notice.find_first_of("\n\r\x1b\x7f"), std::string::npos) << notice;
    }
}

} // namespace
} // namespace roachpin
