#include "app/configuration_template.hpp"
#include "settings/parse.hpp"
#include "settings/reader.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roachpin {
namespace {

using app::draft;
using app::draft_node;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

core::host_name host(const std::string& text) {
    return core::host_name::parse(text).value();
}

core::ip_address address(const std::string& text) {
    return core::ip_address::parse(text).value();
}

class configuration_template : public testing::Test {
protected:
    draft known() const {
        draft made;
        made.ca_file = ca_;
        return made;
    }

    settings::parse_result parsed(const draft& from) const {
        return settings::parse(app::to_text(from), folder_.path() / "roachpin.yaml",
                               [](const auto&) { return std::nullopt; });
    }

    /// The paths of the keys that the parser complains of.
    std::vector<std::string> complaints(const draft& from) const {
        std::vector<std::string> paths;
        if (const auto read = parsed(from); !read) {
            for (const auto& problem : read.error()) {
                paths.push_back(problem.where.path);
            }
        }
        return paths;
    }

    test::temp_dir folder_;
    std::string ca_ = folder_.write("ca.crt", "whatever");
};

TEST_F(configuration_template, pinned_nodes_load_at_once) {
    auto made = known();
    made.bind = core::endpoint::parse("[::1]:5432").value();
    made.nodes = {{.host = host("10.1.2.3"), .addresses = {address("10.1.2.3")}},
                  {.host = host("crdb-1.internal"),
                   .port = 26258,
                   .addresses = {address("10.1.2.4"), address("fd00::4")},
                   .also_called = {host("crdb-1")}}};
    made.health = app::draft_page{"/health?ready=1", 8081};
    made.balance = "round_robin";
    made.clients = {{"app", "client.app.crt", "client.app.key"}};
    const auto read = parsed(made);
    ASSERT_TRUE(read) << settings::to_string(read.error());
    EXPECT_EQ(core::to_string(read->listeners.at(0).bind), "[::1]:5432");
    ASSERT_EQ(read->cluster.nodes.size(), 2U);
    const auto& second = read->cluster.nodes[1];
    EXPECT_EQ(second.host.text(), "crdb-1.internal");
    EXPECT_EQ(second.port, 26258);
    EXPECT_THAT(std::get<settings::pinned>(second.found).addresses,
                ElementsAre(address("10.1.2.4"), address("fd00::4")));
    ASSERT_TRUE(read->health.http);
    EXPECT_EQ(read->health.http->port, 8081);
    EXPECT_EQ(read->balance, policy::balance::round_robin);
    EXPECT_FALSE(read->cluster.client_certificate);
}

TEST_F(configuration_template, what_is_not_known_is_refused_until_it_is_filled_in) {
    EXPECT_THAT(complaints(known()), ElementsAre("cluster.nodes[0].addresses"));
    auto by_name = known();
    by_name.nodes = {{.host = host("crdb.internal")}};
    EXPECT_THAT(complaints(by_name), ElementsAre("cluster.nodes[0].allow", "resolver.servers"));
    by_name.ca_file = "nowhere/ca.crt";
    EXPECT_THAT(complaints(by_name),
                ElementsAre("cluster.ca_file", "cluster.nodes[0].allow", "resolver.servers"));
}

TEST_F(configuration_template, a_client_certificate_is_used_once_its_lines_are_uncommented) {
    auto made = known();
    made.nodes = {{.host = host("10.1.2.3"), .addresses = {address("10.1.2.3")}}};
    made.clients = {{"app", folder_.write("a.crt", ""), folder_.write("a.key", "")}};
    auto text = app::to_text(made);
    for (const std::string key : {"#  client_cert_file", "#  client_key_file"}) {
        const auto at = text.find(key);
        ASSERT_NE(at, std::string::npos);
        text.erase(at, 1);
    }
    const auto read = settings::parse(text, folder_.path() / "roachpin.yaml",
                                      [](const auto&) { return std::nullopt; });
    ASSERT_TRUE(read) << settings::to_string(read.error());
    EXPECT_TRUE(read->cluster.client_certificate);
}

/// Neither a path nor a user's name can begin a key, end a comment or leave its quotes.
TEST_F(configuration_template, texts_cannot_leave_their_scalar) {
    const std::string evil =
        "a\" # b\nadmin: {x: y}\r\n\\ '\t\x7f\xc2\x85z: 1\xe2\x80\xa8q\xe2\x80\xa9";
    auto made = known();
    made.ca_file = evil;
    made.clients = {{evil, evil, evil}};
    made.health = app::draft_page{"/" + evil, 1};
    const auto text = app::to_text(made);
    EXPECT_THAT(text, Not(HasSubstr("\xc2\x85")));
    EXPECT_THAT(text, Not(HasSubstr("\xe2\x80")));
    auto plain = known();
    plain.clients = {{"a", "b", "c"}};
    plain.health = app::draft_page{"/", 1};
    const auto safe = app::to_text(plain);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'),
              std::count(safe.begin(), safe.end(), '\n'));
    const auto document = settings::read_yaml("x: " + app::yaml_scalar(evil) + "\n", "file");
    ASSERT_TRUE(document) << document.error().to_string();
    const auto& fields = std::get<settings::entries>(document->content);
    ASSERT_EQ(fields.size(), 1U);
    EXPECT_EQ(std::get<std::string>(fields[0].value.content), evil);
}

} // namespace
} // namespace roachpin
