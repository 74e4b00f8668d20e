#include "component/good_node.hpp"
#include "support/fake_replies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

/// A client's opening goes to another node where one takes no session, and nobody notices but the
/// log.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
using core::events::client_refused;
using core::events::dial_failed;
using core::events::session_established;
using core::events::startup_replayed;

const parameter_map app{{"user", "app"}, {"database", "bank"}, {"application_name", "replayed"}};

bool has_startup(const connection_record& one) {
    return one.startup_version != 0;
}

std::size_t startups(const fake_cockroach& node) {
    const auto seen = node.all();
    return static_cast<std::size_t>(std::count_if(seen.begin(), seen.end(), has_startup));
}

bool wait_for_startup(const fake_cockroach& node) {
    return node.wait_until([](const auto& records) {
        return std::any_of(records.begin(), records.end(), has_startup);
    });
}

/// Everything up to the `count`th ReadyForQuery.
std::vector<pg_message> read_until_ready(loopback_client& client, std::size_t count = 1) {
    std::vector<pg_message> messages;
    while (count > 0) {
        messages.push_back(client.read_message());
        count -= messages.back().type == 'Z' ? 1 : 0;
    }
    return messages;
}

std::string types_of(const std::vector<pg_message>& messages) {
    std::string types;
    for (const auto& one : messages) {
        types += one.type;
    }
    return types;
}

error_fields refusal_of(test_proxy& proxy) {
    auto client = proxy.connect();
    client.send(startup_message(app));
    auto error = client.read_error();
    EXPECT_EQ(client.read_until_end(), "");
    return error;
}

/// The first node is the first that is tried.
class startup_replay : public testing::Test {
protected:
    fake_cockroach_options playing(behaviour plays) const {
        return {.server = cluster.node_identity(), .plays = plays};
    }

    fake_cockroach_options playing(std::string_view name) const {
        return playing(behaviour_named(name));
    }

    test_proxy_options options_for(const fake_cockroach& first,
                                   const fake_cockroach& second) const {
        auto options = cluster.proxy_for(first);
        options.nodes.push_back(node_at(second.port()));
        options.timeouts.dial = 5s;
        options.timeouts.establish = 60s; // longer than any client here has patience
        return options;
    }

    good_cluster cluster;
};

struct first_node {
    std::string plays;
    std::string reason;
};

void PrintTo(const first_node& one, std::ostream* out) {
    *out << one.plays;
}

class no_session_there : public startup_replay, public testing::WithParamInterface<first_node> {};

INSTANTIATE_TEST_SUITE_P(first_node, no_session_there,
                         testing::Values(first_node{"draining", "57P01"},
                                         first_node{"full", "53300"},
                                         first_node{"hang-after-startup", "timeout"},
                                         first_node{"reset-after-startup", "closed"},
                                         first_node{"close-after-startup", "closed"},
                                         first_node{"hang-after-handshake", "timeout"},
                                         first_node{"reset-after-handshake", "closed"},
                                         first_node{"close-after-handshake", "closed"}),
                         [](const auto& row) {
                             auto name = row.param.plays;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

/// A node that says nothing costs timeouts.dial: had it cost timeouts.establish, the client would
/// have lost its patience.
TEST_P(no_session_there, the_other_node_gets_the_same_octets_and_serves) {
    fake_cockroach first(playing(GetParam().plays));
    fake_cockroach second(cluster.node());
    auto options = options_for(first, second);
    options.timeouts.dial = 1s;
    test_proxy proxy(std::move(options));
    const auto opening = startup_message(app) + query_message("select 'sent behind it'");
    auto client = proxy.connect();
    client.send(opening);
    EXPECT_EQ(types_of(read_until_ready(client, 2)), "RSSSSSSKZTDCZ");
    EXPECT_EQ(client.query("select 1").front(), "select 1");

    const auto served = second.record(1);
    EXPECT_EQ(served.before_tls, ssl_request());
    EXPECT_EQ(served.sni, node_name);
    EXPECT_EQ(served.startup, app);
    EXPECT_EQ(served.plaintext, opening + query_message("select 1"));

    const auto failed = proxy.events().all<dial_failed>();
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_EQ(failed[0].phase, "startup");
    EXPECT_EQ(failed[0].reason, GetParam().reason);
    EXPECT_EQ(failed[0].node.address, first.address());
    EXPECT_EQ(failed[0].client.user, "app");
    EXPECT_FALSE(failed[0].hostile);
    const auto replayed = proxy.events().all<startup_replayed>();
    ASSERT_EQ(replayed.size(), 1U);
    EXPECT_EQ(replayed[0].reason, GetParam().reason);
    EXPECT_EQ(replayed[0].node.address, second.address());
    const auto established = proxy.events().wait_for<session_established>();
    ASSERT_TRUE(established);
    EXPECT_EQ(established->node.address, second.address());
    EXPECT_EQ(established->dials, 2U);
    EXPECT_EQ(first.connections(), 1U);
    EXPECT_TRUE(first.wait_for_finished(1)); // nothing is kept open to it
}

TEST_F(startup_replay, what_takes_sessions_at_once_is_not_asked_twice) {
    fake_cockroach first(cluster.node());
    fake_cockroach second(cluster.node());
    test_proxy proxy(options_for(first, second));
    auto client = proxy.login();
    EXPECT_EQ(startups(first), 1U);
    EXPECT_EQ(second.connections(), 0U);
    EXPECT_TRUE(proxy.events().all<startup_replayed>().empty());
}

/// 57P03, from a node that is starting; and its words may come in pieces.
TEST_F(startup_replay, a_refusal_in_two_pieces_is_one) {
    fake_cockroach first(playing("hang-after-startup"));
    fake_cockroach second(cluster.node());
    test_proxy proxy(options_for(first, second));
    auto client = proxy.connect();
    client.send(startup_message(app));
    ASSERT_TRUE(wait_for_startup(first));
    const auto error =
        encode_error({"FATAL", "57P03", "the cluster has not been initialized", "", ""});
    first.send_to_waiting(error.substr(0, 9));
    EXPECT_TRUE(client.stays_silent_for(50ms));
    first.send_to_waiting(error.substr(9));
    EXPECT_EQ(types_of(read_until_ready(client)), "RSSSSSSKZ");
    EXPECT_EQ(proxy.events().wait_for<startup_replayed>()->reason, "57P03");
    EXPECT_EQ(startups(second), 1U);
}

TEST_F(startup_replay, when_all_nodes_say_no_the_client_hears_what_they_say) {
    for (const auto& [plays, sqlstate, words] :
         {std::tuple{"draining", "57P01", "server is not accepting clients"},
          std::tuple{"full", "53300", "sorry, too many clients already"}}) {
        fake_cockroach first(playing(plays));
        fake_cockroach second(playing(plays));
        test_proxy proxy(options_for(first, second));
        const auto error = refusal_of(proxy);
        EXPECT_EQ(error.severity, "FATAL");
        EXPECT_EQ(error.code, sqlstate);
        EXPECT_THAT(error.message, testing::HasSubstr(words));
        for (const auto* node : {&first, &second}) {
            EXPECT_THAT(error.detail, testing::HasSubstr(node_name + " at " + node->address() +
                                                         ": startup, " + sqlstate));
            EXPECT_EQ(startups(*node), 1U);
        }
        const auto refused = proxy.events().wait_for<client_refused>();
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->reason, "nodes_refused");
        EXPECT_EQ(refused->sqlstate, sqlstate);
        EXPECT_THAT(error.hint, testing::HasSubstr(proxy.events().last_id<client_refused>()));
        EXPECT_EQ(proxy.events().all<dial_failed>().size(), 2U);
        EXPECT_EQ(proxy.events().all<startup_replayed>().size(), 1U);
        EXPECT_TRUE(proxy.events().all<session_established>().empty());
    }
}

TEST_F(startup_replay, what_a_node_says_tells_more_than_that_others_are_gone) {
    fake_cockroach first(playing("draining"));
    fake_cockroach second(playing("reset-after-startup"));
    test_proxy proxy(options_for(first, second));
    const auto error = refusal_of(proxy);
    EXPECT_EQ(error.code, "57P01");
    EXPECT_THAT(error.detail, testing::HasSubstr(first.address() + ": startup, 57P01"));
    EXPECT_THAT(error.detail, testing::HasSubstr(second.address() + ": startup, closed"));
}

/// An answer that another node would give as well, or for which authentication has begun.
TEST_F(startup_replay, any_other_answer_is_the_client_s) {
    constexpr std::uint32_t cleartext_password = 3;
    const auto refused = encode_error({"FATAL", "28000", "no entry for this host", "", ""});
    const auto late = encode_message('R', encode_u32(cleartext_password)) +
                      encode_error({"FATAL", "57P01", "server is shutting down", "", ""});
    for (const auto& answer : {refused, late}) {
        fake_cockroach first(playing("hang-after-startup"));
        fake_cockroach second(cluster.node());
        test_proxy proxy(options_for(first, second));
        auto client = proxy.connect();
        client.send(startup_message(app));
        ASSERT_TRUE(wait_for_startup(first));
        first.send_to_waiting(answer);
        EXPECT_EQ(client.read_exactly(answer.size()), answer);
        first.close_all(fake_cockroach::close_kind::clean);
        EXPECT_EQ(client.read_until_end(), "");
        EXPECT_EQ(second.connections(), 0U);
        EXPECT_TRUE(proxy.events().all<startup_replayed>().empty());
        EXPECT_TRUE(proxy.events().all<dial_failed>().empty());
        EXPECT_EQ(proxy.events().all<session_established>().size(), 1U);
    }
}

/// Nobody comes after the last one: giving up on it early would help nobody.
TEST_F(startup_replay, the_last_node_may_take_longer_than_a_dial) {
    fake_cockroach first(playing("draining"));
    fake_cockroach second(playing("hang-after-startup"));
    auto options = options_for(first, second);
    options.timeouts.dial = 500ms;
    test_proxy proxy(std::move(options));
    auto client = proxy.connect();
    client.send(startup_message(app));
    ASSERT_TRUE(wait_for_startup(second));
    EXPECT_TRUE(client.stays_silent_for(1s));
    second.send_to_waiting(login_replies(node_release::v22_1, make_backend_key(1)));
    EXPECT_EQ(types_of(read_until_ready(client)), "RSSSSSSKZ");
    EXPECT_EQ(second.connections(), 1U);
}

TEST_F(startup_replay, a_node_that_never_answers_is_given_up_when_establishing_is_over) {
    fake_cockroach node(playing("hang-after-startup"));
    auto options = cluster.proxy_for(node);
    options.timeouts.dial = 60s;
    options.timeouts.establish = 1s;
    test_proxy proxy(std::move(options));
    const auto error = refusal_of(proxy);
    EXPECT_EQ(error.code, "08001");
    EXPECT_THAT(error.detail, testing::HasSubstr(node.address() + ": startup, timeout"));
    EXPECT_THAT(error.detail, testing::HasSubstr("timeouts.establish"));
    EXPECT_TRUE(node.wait_for_finished(1));
}

TEST_F(startup_replay, what_has_no_time_left_is_said_to_be_untried) {
    fake_cockroach first(playing("hang-after-startup"));
    fake_cockroach second(cluster.node());
    auto options = options_for(first, second);
    options.timeouts.dial = 60s;
    options.timeouts.establish = 1s;
    test_proxy proxy(std::move(options));
    const auto error = refusal_of(proxy);
    EXPECT_EQ(error.code, "08001");
    EXPECT_THAT(error.detail, testing::HasSubstr(first.address() + ": startup, timeout"));
    EXPECT_THAT(error.detail, testing::HasSubstr(second.address() + ": tcp, not_tried"));
    EXPECT_EQ(second.connections(), 0U);
    EXPECT_TRUE(proxy.events().all<startup_replayed>().empty()); // it was not
}

/// The node was asked on a connection of before its drain; a new one would hear the same.
TEST_F(startup_replay, a_spare_connection_s_refusal_is_the_node_s) {
    fake_cockroach first(cluster.node());
    fake_cockroach second(cluster.node());
    auto options = options_for(first, second);
    options.spares = 1;
    test_proxy proxy(std::move(options));
    for (auto* node : {&first, &second}) {
        ASSERT_TRUE(node->wait_until(
            [](const auto& records) { return !records.empty() && records.front().tls_completed; }));
    }
    first.drain();
    auto client = proxy.login();
    EXPECT_EQ(client.query("select 1").front(), "select 1");
    EXPECT_EQ(startups(first), 1U);
    EXPECT_EQ(startups(second), 1U);
    EXPECT_EQ(proxy.events().wait_for<startup_replayed>()->reason, "57P01");
}

/// It is reached, so it is sent what a node must answer to prove itself, and no more.
TEST_F(startup_replay, a_stranger_among_the_nodes_hears_nothing_but_a_handshake) {
    const certificate_authority other("Other CA");
    fake_cockroach stranger({.server = other.issue({.dns_sans = {node_name}})});
    fake_cockroach second(cluster.node());
    test_proxy proxy(options_for(stranger, second));
    auto client = proxy.login();
    EXPECT_EQ(client.query("select 1").front(), "select 1");
    ASSERT_TRUE(stranger.wait_for_finished(1));
    EXPECT_EQ(stranger.connections(), 1U);
    EXPECT_EQ(stranger.record(1).before_tls, ssl_request());
    EXPECT_EQ(stranger.record(1).plaintext_count, 0U);
    const auto failed = proxy.events().wait_for<dial_failed>();
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->reason, "untrusted_chain");
    EXPECT_TRUE(failed->hostile);
    EXPECT_EQ(proxy.events().wait_for<startup_replayed>()->reason, "untrusted_chain");
}

/// It is what an operator must hear of first.
TEST_F(startup_replay, a_stranger_is_told_of_where_no_node_takes_the_session) {
    const certificate_authority other("Other CA");
    fake_cockroach stranger({.server = other.issue({.dns_sans = {node_name}})});
    fake_cockroach second(playing("draining"));
    test_proxy proxy(options_for(stranger, second));
    const auto error = refusal_of(proxy);
    EXPECT_EQ(error.code, "08004");
    EXPECT_THAT(error.detail, testing::HasSubstr(stranger.address() + ": tls, untrusted_chain"));
    EXPECT_THAT(error.detail, testing::HasSubstr(second.address() + ": startup, 57P01"));
}

/// What a session finds out takes the place out, or has it proved again.
TEST_F(startup_replay, each_place_without_a_session_is_told_of_once) {
    const certificate_authority other("Other CA");
    fake_cockroach stranger({.server = other.issue({.dns_sans = {node_name}})});
    fake_cockroach down(cluster.node());
    down.stop_listening();
    fake_cockroach draining(playing("draining"));
    fake_cockroach silent(playing("hang-after-startup"));
    fake_cockroach last(cluster.node());
    auto options = options_for(stranger, down);
    for (const auto* node : {&draining, &silent, &last}) {
        options.nodes.push_back(node_at(node->port()));
    }
    options.timeouts.dial = 1s;
    test_proxy proxy(std::move(options));
    auto client = proxy.login();
    std::vector<std::string> told;
    for (const auto& [host, where, why] : proxy.troubles()) {
        EXPECT_EQ(host.text(), node_name);
        told.push_back(where.to_string() + ' ' + why.reason + ' ' + why.sqlstate +
                       (why.hostile ? " hostile" : ""));
    }
    EXPECT_THAT(told, testing::ElementsAre(stranger.address() + " untrusted_chain  hostile",
                                           down.address() + " refused ",
                                           draining.address() + " 57P01 57P01",
                                           silent.address() + " timeout "));
}

// ---- the protocol's version -------------------------------------------------------------------

class protocol : public startup_replay {
protected:
    static constexpr const char* option = "_pq_.report_parameters";

    static parameter_map asking() {
        auto parameters = app;
        parameters[option] = "on";
        return parameters;
    }

    static std::string negotiated() {
        return encode_u32(protocol_3_0) + encode_u32(1) + c_string(option);
    }

    /// Logs in with 3.2, and is told once that it is 3.0.
    static void expect_one_negotiation(loopback_client& client) {
        client.send(startup_message(asking(), protocol_3_2));
        const auto answer = read_until_ready(client);
        EXPECT_EQ(types_of(answer), "vRSSSSSSKZ");
        EXPECT_EQ(answer.front().body, negotiated());
        EXPECT_EQ(client.query("select 1").front(), "select 1");
    }

    fake_cockroach_options of(node_release release, node_state state = node_state::serving) const {
        return playing(behaviour{.release = release, .state = state});
    }
};

TEST_F(protocol, is_negotiated_for_a_node_that_cannot) {
    fake_cockroach node(of(node_release::v22_1));
    test_proxy proxy(cluster.proxy_for(node));
    auto client = proxy.connect();
    expect_one_negotiation(client);
    const auto seen = node.all();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0].plaintext, startup_message(asking(), protocol_3_2));
    EXPECT_EQ(seen[1].plaintext, startup_message(app) + query_message("select 1"));
    EXPECT_TRUE(proxy.events().all<dial_failed>().empty()); // nothing is wrong with it
    EXPECT_EQ(proxy.events().wait_for<session_established>()->dials, 1U);
}

TEST_F(protocol, is_negotiated_by_a_node_that_can) {
    fake_cockroach node(of(node_release::v26_1));
    test_proxy proxy(cluster.proxy_for(node));
    auto client = proxy.connect();
    expect_one_negotiation(client);
    ASSERT_EQ(node.connections(), 1U);
    EXPECT_EQ(node.record(1).startup_version, protocol_3_2);
    EXPECT_EQ(node.record(1).startup, asking());
}

TEST_F(protocol, is_no_matter_to_a_client_of_3_0) {
    for (const auto release : {node_release::v19_1, node_release::v22_1, node_release::v26_1}) {
        fake_cockroach node(of(release));
        test_proxy proxy(cluster.proxy_for(node));
        auto client = proxy.connect();
        client.send(startup_message(app));
        EXPECT_THAT(types_of(read_until_ready(client)), testing::StartsWith("RS"));
        EXPECT_EQ(node.connections(), 1U);
        EXPECT_EQ(node.record(1).plaintext, startup_message(app));
    }
}

/// The next node is asked for 3.0 at once, whatever it could do: the client was promised that.
TEST_F(protocol, is_negotiated_once_for_all_nodes) {
    fake_cockroach first(of(node_release::v22_1, node_state::draining));
    fake_cockroach second(of(node_release::v26_1));
    test_proxy proxy(options_for(first, second));
    auto client = proxy.connect();
    expect_one_negotiation(client);
    EXPECT_EQ(startups(first), 2U);
    ASSERT_EQ(second.connections(), 1U);
    EXPECT_EQ(second.record(1).startup_version, protocol_3_0);
    EXPECT_EQ(proxy.events().wait_for<startup_replayed>()->reason, "57P01");
}

TEST_F(protocol, is_negotiated_on_a_spare_connection_too) {
    fake_cockroach node(of(node_release::v22_1));
    auto options = cluster.proxy_for(node);
    options.spares = 1;
    test_proxy proxy(std::move(options));
    ASSERT_TRUE(node.wait_until(
        [](const auto& records) { return !records.empty() && records.front().tls_completed; }));
    auto client = proxy.connect();
    expect_one_negotiation(client);
    EXPECT_EQ(startups(node), 2U);
}

/// What came behind the StartupMessage stays behind it.
TEST_F(protocol, leaves_what_came_behind_the_opening_as_it_was) {
    auto asking_for_password = of(node_release::v22_1);
    asking_for_password.password = "correct horse";
    fake_cockroach node(std::move(asking_for_password));
    test_proxy proxy(cluster.proxy_for(node));
    auto client = proxy.connect();
    const auto behind = password_message("correct horse") + query_message("select 2");
    client.send(startup_message(asking(), protocol_3_2) + behind);
    EXPECT_EQ(types_of(read_until_ready(client, 2)), "vRRSSSSSSKZTDCZ");
    EXPECT_EQ(node.record(2).plaintext, startup_message(app) + behind);
}

/// XX000 may mean the version or anything else: asked for 3.0, the node says it again.
TEST_F(protocol, is_not_what_every_error_means) {
    auto silent = of(node_release::v26_1);
    silent.plays.fault = session_fault{session_step::startup, fault_kind::hang};
    fake_cockroach node(std::move(silent));
    test_proxy proxy(cluster.proxy_for(node));
    auto client = proxy.connect();
    client.send(startup_message(asking(), protocol_3_2));
    ASSERT_TRUE(wait_for_startup(node));
    const auto error = encode_error({"FATAL", "XX000", "something is broken", "", ""});
    node.send_to_waiting(error);
    ASSERT_TRUE(node.wait_until([](const auto& records) {
        return records.size() == 2 && records.back().startup_version == protocol_3_0;
    }));
    node.send_to_waiting(error);
    const auto told = client.read_message();
    EXPECT_EQ(told.type, 'v');
    EXPECT_EQ(told.body, negotiated());
    EXPECT_EQ(client.read_exactly(error.size()), error);
    EXPECT_TRUE(proxy.events().all<dial_failed>().empty());
}

} // namespace
} // namespace roachpin::test
