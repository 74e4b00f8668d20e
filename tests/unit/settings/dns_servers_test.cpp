#include "settings/dns_servers.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace roachpin {
namespace {

/// "tcp 10.0.0.53:53", "tls 10.0.0.55:853 dns.internal"; or "refused: " and why.
std::string read(const std::string& text) {
    const auto server = settings::parse_dns_server(text);
    if (!server) {
        return "refused: " + server.error().sentence;
    }
    EXPECT_EQ(server->text, text);
    constexpr const char* names[] = {"udp", "tcp", "tls"};
    return std::string(names[static_cast<int>(server->transport)]) + " " +
           server->where.to_string() + (server->name ? " " + server->name->text() : "");
}

TEST(settings_dns_servers, an_address_is_asked_over_tcp_at_port_53) {
    EXPECT_EQ(read("10.0.0.53"), "tcp 10.0.0.53:53");
    EXPECT_EQ(read("10.0.0.53:5353"), "tcp 10.0.0.53:5353");
    EXPECT_EQ(read("fd00::53"), "tcp [fd00::53]:53");
    EXPECT_EQ(read("[fd00::53]"), "tcp [fd00::53]:53");
    EXPECT_EQ(read("[fd00::53]:5353"), "tcp [fd00::53]:5353");
    EXPECT_EQ(read("::ffff:10.0.0.53"), "tcp 10.0.0.53:53");
}

TEST(settings_dns_servers, udp_is_asked_for) {
    EXPECT_EQ(read("udp://10.0.0.54"), "udp 10.0.0.54:53");
    EXPECT_EQ(read("udp://10.0.0.54:54"), "udp 10.0.0.54:54");
    EXPECT_EQ(read("udp://fd00::54"), "udp [fd00::54]:53");
    EXPECT_EQ(read("udp://[fd00::54]:54"), "udp [fd00::54]:54");
}

TEST(settings_dns_servers, tls_proves_its_name_or_its_address) {
    EXPECT_EQ(read("tls://10.0.0.55#dns.internal"), "tls 10.0.0.55:853 dns.internal");
    EXPECT_EQ(read("tls://10.0.0.55:8853#DNS.internal."), "tls 10.0.0.55:8853 dns.internal");
    EXPECT_EQ(read("tls://[fd00::55]:8853#dns.internal"), "tls [fd00::55]:8853 dns.internal");
    EXPECT_EQ(read("tls://fd00::55#dns.internal"), "tls [fd00::55]:853 dns.internal");
    EXPECT_EQ(read("tls://10.0.0.55"), "tls 10.0.0.55:853 10.0.0.55");
    EXPECT_EQ(read("tls://[fd00:0::55]"), "tls [fd00::55]:853 fd00::55");
    EXPECT_EQ(read("tls://10.0.0.55#10.0.0.99"), "tls 10.0.0.55:853 10.0.0.99");
}

TEST(settings_dns_servers, what_is_no_address_is_refused) {
    for (const auto* text : {"",
                             "dns.internal",
                             "dns.internal:53",
                             "10.0.0.53:0",
                             "10.0.0.53:65536",
                             "10.0.0.53:",
                             "10.0.0.53:x",
                             "10.0.0",
                             "[10.0.0.53]",
                             "[10.0.0.53]:53",
                             "[fd00::53",
                             "fd00::53]",
                             "[fd00::53]:0",
                             "[]",
                             "fe80::1%eth0",
                             "[fe80::1%eth0]:53",
                             "tcp://10.0.0.53",
                             "UDP://10.0.0.53",
                             "https://10.0.0.53",
                             "udp://",
                             "udp://dns.internal",
                             "udp://10.0.0.53#dns.internal",
                             "10.0.0.53#dns.internal",
                             "udp://tls://10.0.0.53",
                             "tls://",
                             "tls://#dns.internal",
                             "tls://dns.internal",
                             "tls://10.0.0.55:0#dns.internal",
                             " 10.0.0.53",
                             "10.0.0.53 ",
                             "system ",
                             "System"}) {
        EXPECT_EQ(read(text),
                  "refused: \"" + std::string(text) +
                      "\" is not a DNS server; write its address (asked over TCP), "
                      "udp://10.0.0.54:53, tls://10.0.0.55:853#name-in-its-certificate, or system");
    }
}

TEST(settings_dns_servers, what_follows_the_hash_is_a_name) {
    for (const auto* text :
         {"tls://10.0.0.55#", "tls://10.0.0.55#a b", "tls://10.0.0.55#*.internal",
          "tls://10.0.0.55##dns.internal", "tls://10.0.0.55#dns.internal:853"}) {
        EXPECT_NE(read(text).find("refused: what follows # in \""), std::string::npos) << text;
    }
}

TEST(settings_dns_servers, everybodys_address_is_no_server) {
    for (const auto* text : {"0.0.0.0", "::", "udp://0.0.0.0:53", "tls://[::]#dns.internal"}) {
        EXPECT_NE(read(text).find("no machine's address"), std::string::npos) << text;
    }
}

class settings_resolv_conf : public testing::Test {
protected:
    /// The servers of a resolv.conf with this text, each with a blank behind; or why there is none.
    std::string read_system(const std::string& text) {
        folder_.write("resolv.conf", text);
        return servers_of(folder_.path() / "resolv.conf");
    }

    std::string servers_of(const std::filesystem::path& path) const {
        const auto servers = settings::system_servers(path);
        if (!servers) {
            auto sentence = servers.error().sentence;
            const auto at = sentence.find(folder_.path().string() + "/");
            return at == std::string::npos ? sentence
                                           : sentence.erase(at, folder_.path().string().size() + 1);
        }
        std::string texts;
        for (const auto& server : *servers) {
            EXPECT_EQ(server.transport, settings::dns_transport::tcp);
            EXPECT_EQ(server.where.port, 53);
            EXPECT_EQ(core::ip_address::parse(server.text).value(), server.where.address);
            texts += server.text + " ";
        }
        return texts;
    }

    test::temp_dir folder_;
};

TEST_F(settings_resolv_conf, only_nameserver_lines_count) {
    EXPECT_EQ(read_system("# nameserver 10.0.0.1\n"
                          "; nameserver 10.0.0.2\n"
                          "search db.internal internal\n"
                          "domain db.internal\n"
                          "options ndots:5 use-vc edns0 trust-ad\n"
                          "sortlist 10.0.0.0\n"
                          "nameservers 10.0.0.3\n"
                          "Nameserver 10.0.0.4\n"
                          " nameserver 10.0.0.5\n"
                          "nameserver\n"
                          "\n"
                          "nameserver 10.0.0.53\n"),
              "10.0.0.53 ");
}

TEST_F(settings_resolv_conf, blanks_and_line_ends_of_all_kinds_are_read) {
    EXPECT_EQ(read_system("nameserver\t10.0.0.53\r\n"
                          "search internal\r\n"
                          "nameserver   fd00::53  \r\n"
                          "nameserver 127.0.0.53 # the stub\n"
                          "nameserver 10.0.0.54"),
              "10.0.0.53 fd00::53 127.0.0.53 10.0.0.54 ");
}

TEST_F(settings_resolv_conf, a_server_that_stands_there_twice_is_one) {
    EXPECT_EQ(read_system("nameserver 10.0.0.53\nnameserver 10.0.0.54\nnameserver 10.0.0.53\n"),
              "10.0.0.53 10.0.0.54 ");
}

TEST_F(settings_resolv_conf, one_that_cannot_be_asked_refuses_all) {
    for (const auto* address : {"fe80::1%eth0", "dns.internal", "10.0.0.53:53", "[fd00::53]",
                                "udp://10.0.0.53", "0.0.0.0", "::"}) {
        EXPECT_EQ(read_system("nameserver 10.0.0.53\nnameserver " + std::string(address) + "\n"),
                  "resolv.conf has the nameserver \"" + std::string(address) +
                      "\", which is no address that can be asked from here; name the servers in "
                      "this list instead of system");
    }
}

TEST_F(settings_resolv_conf, there_must_be_one) {
    for (const auto* text : {"", "\n", "search internal\n", "# nameserver 10.0.0.53\n"}) {
        EXPECT_EQ(read_system(text), "resolv.conf names no nameserver; name the servers in this "
                                     "list instead of system");
    }
}

TEST_F(settings_resolv_conf, a_file_that_is_not_there_is_said) {
    EXPECT_EQ(servers_of(folder_.path() / "absent"),
              "cannot read absent: No such file or directory; name the servers in this list "
              "instead of system");
}

} // namespace
} // namespace roachpin
