#include "app/certs_dir.hpp"
#include "support/temp_dir.hpp"
#include "support/test_pki.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using app::read_certs_dir;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class certs_dir : public testing::Test {
protected:
    certs_dir() { folder_.write("ca.crt", ca_.certificate_pem()); }

    void node(std::vector<std::string> names, std::vector<std::string> addresses) {
        folder_.write("node.crt",
                      ca_.issue({.dns_sans = std::move(names), .ip_sans = std::move(addresses)})
                          .certificate_pem);
    }

    /// What node.crt says of its node.
    std::vector<std::string> hosts() {
        std::vector<std::string> texts;
        for (const auto& host : read_certs_dir(folder_.path()).value().hosts) {
            texts.push_back(host.text());
        }
        return texts;
    }

    test::certificate_authority ca_;
    test::temp_dir folder_;
};

TEST_F(certs_dir, an_authority_is_enough) {
    const auto read = read_certs_dir(folder_.path()).value();
    EXPECT_EQ(read.ca, std::filesystem::canonical(folder_.path()) / "ca.crt");
    EXPECT_THAT(read.clients, IsEmpty());
    EXPECT_THAT(read.hosts, IsEmpty());
    EXPECT_THAT(read.notices, IsEmpty());
}

TEST_F(certs_dir, the_node_is_what_its_certificate_carries_besides_this_machine) {
    node({"localhost", "crdb-0.crdb.internal", "*.crdb.internal", "10.9.9.9"},
         {"127.0.0.1", "10.1.2.3", "::1", "fd00::3"});
    EXPECT_THAT(hosts(), ElementsAre("crdb-0.crdb.internal", "10.1.2.3", "fd00::3"));
}

TEST_F(certs_dir, localhost_names_no_node) {
    node({"localhost"}, {"127.0.0.1"});
    EXPECT_THAT(hosts(), IsEmpty());
    EXPECT_THAT(read_certs_dir(folder_.path()).value().notices,
                ElementsAre(HasSubstr("carries no name of a node")));
}

TEST_F(certs_dir, a_broken_node_certificate_is_said_and_does_no_harm) {
    folder_.write("node.crt", "nothing");
    EXPECT_THAT(hosts(), IsEmpty());
    EXPECT_THAT(read_certs_dir(folder_.path()).value().notices,
                ElementsAre(HasSubstr("no node was taken from it")));
}

TEST_F(certs_dir, clients_are_those_with_a_key) {
    for (const auto* name :
         {"client.root.crt", "client.root.key", "client.app.svc.crt", "client.app.svc.key",
          "client.nokey.crt", "client..crt", "client.crt", "client.onlykey.key", "ui.crt",
          "client.${X}.crt", "client.${X}.key"}) {
        folder_.write(name, "");
    }
    const auto read = read_certs_dir(folder_.path()).value();
    ASSERT_EQ(read.clients.size(), 2U);
    EXPECT_EQ(read.clients[0].user, "app.svc");
    EXPECT_EQ(read.clients[0].certificate.filename(), "client.app.svc.crt");
    EXPECT_EQ(read.clients[0].key.filename(), "client.app.svc.key");
    EXPECT_EQ(read.clients[1].user, "root");
}

TEST_F(certs_dir, without_an_authority_to_trust_there_is_nothing_to_write) {
    folder_.write("ca.crt", ca_.issue({}).certificate_pem);
    EXPECT_THAT(read_certs_dir(folder_.path()).error().sentence, HasSubstr("self-signed root"));
    std::filesystem::remove(folder_.path() / "ca.crt");
    EXPECT_THAT(read_certs_dir(folder_.path()).error().sentence, HasSubstr("ca.crt"));
    EXPECT_THAT(read_certs_dir(folder_.path() / "missing").error().sentence, HasSubstr("missing"));
}

TEST_F(certs_dir, a_folder_that_reads_as_a_variable_is_refused) {
    const auto folder = folder_.path() / "${HOME}";
    std::filesystem::create_directory(folder);
    std::filesystem::copy_file(folder_.path() / "ca.crt", folder / "ca.crt");
    EXPECT_THAT(read_certs_dir(folder).error().sentence, HasSubstr("rename the folder"));
}

} // namespace
} // namespace roachpin
