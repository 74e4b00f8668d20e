#include "component/good_node.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/// Listeners: where they bind, whom they let in, how many.
namespace roachpin::test {
namespace {

using namespace std::chrono_literals;
namespace ip = boost::asio::ip;
using tcp = ip::tcp;

const parameter_map app{{"user", "app"}};

class listener : public testing::Test {
protected:
    good_cluster cluster;
    fake_cockroach node{cluster.node()};
    temp_dir dir;

    std::string socket_path() const { return (dir.path() / ".s.PGSQL.26257").string(); }

    test_proxy_options on_unix_socket() const {
        auto options = cluster.proxy_for(node);
        options.bind = "unix:" + socket_path();
        return options;
    }
};

TEST_F(listener, ipv6) {
    auto options = cluster.proxy_for(node);
    options.bind = "[::1]:0";
    test_proxy proxy(std::move(options));
    auto client = loopback_client::connect_tcp("::1", proxy.port());
    client.login(app);
    EXPECT_EQ(client.query("select 1").front(), "select 1");
}

TEST_F(listener, unix_socket_has_its_mode_and_goes_with_the_proxy) {
    {
        auto options = on_unix_socket();
        options.unix_mode = 0600;
        test_proxy proxy(std::move(options));

        struct stat status {};

        ASSERT_EQ(::stat(socket_path().c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U);
        EXPECT_EQ(proxy.login().query("select 1").front(), "select 1");
        EXPECT_THAT(proxy.events().wait_for<core::events::session_established>()->client.client,
                    testing::HasSubstr("uid:" + std::to_string(::getuid())));
    }
    EXPECT_NE(::access(socket_path().c_str(), F_OK), 0);
}

TEST_F(listener, unix_socket_lets_only_its_uids_in) {
    auto options = on_unix_socket();
    options.admission.allow_uids = {::getuid() + 1};
    test_proxy proxy(std::move(options));
    auto client = proxy.connect();
    client.send(startup_message(app));
    const auto error = client.read_error();
    EXPECT_EQ(error.code, "28000");
    EXPECT_THAT(error.detail, testing::HasSubstr("allow_uids"));
    EXPECT_EQ(node.connections(), 0U);
}

TEST_F(listener, a_stale_unix_socket_is_replaced_and_a_living_one_is_not) {
    test_proxy first(on_unix_socket());
    EXPECT_THROW(test_proxy second(on_unix_socket()), std::runtime_error);
    EXPECT_EQ(first.login().query("select 1").front(), "select 1");
    // A link keeps a socket file whose listener is gone.
    const auto stale = socket_path() + ".old";
    ASSERT_EQ(::link(socket_path().c_str(), stale.c_str()), 0);
    first.stop(0ms);
    ASSERT_EQ(::rename(stale.c_str(), socket_path().c_str()), 0);
    test_proxy third(on_unix_socket());
    EXPECT_EQ(third.login().query("select 1").front(), "select 1");
}

TEST_F(listener, a_file_in_the_way_of_a_unix_socket_is_kept) {
    dir.write(".s.PGSQL.26257", "precious");
    EXPECT_THROW(test_proxy proxy(on_unix_socket()), std::runtime_error);
    EXPECT_EQ(::access(socket_path().c_str(), F_OK), 0);
}

TEST_F(listener, an_inherited_unix_socket_keeps_its_file_and_its_mode) {
    const core::unix_path where{socket_path()};
    const auto held = net::listening_socket::open(where, 0640).value();
    {
        const auto inherited =
            net::listening_socket::inherit(net::descriptor(::dup(held.fd()))).value();
        EXPECT_EQ(inherited.bound(), core::bind_address(where));
        EXPECT_EQ(::fcntl(inherited.fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        EXPECT_EQ(::fcntl(inherited.fd(), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        EXPECT_FALSE(inherited.refuse_mode(0640));
        EXPECT_EQ(inherited.refuse_mode(0600).value_or(core::error{}).sentence,
                  "the inherited socket " + where.path +
                      " has the mode 0640, and unix_mode is 0600: make unix_mode and SocketMode= "
                      "of the systemd unit the same");
        inherited.set_mode(0600);
        EXPECT_FALSE(inherited.refuse_mode(0640)) << "whose it is not does not change it";
        EXPECT_FALSE(held.refuse_mode(0600)) << "its own it sets";
    }
    EXPECT_EQ(::access(socket_path().c_str(), F_OK), 0);
    loopback_client::connect_unix(socket_path());
}

TEST_F(listener, what_cannot_be_a_listener_is_not_inherited) {
    const auto refusal = [](int socket) {
        const auto inherited = net::listening_socket::inherit(net::descriptor(socket));
        return inherited ? std::string("inherited") : inherited.error().sentence;
    };
    EXPECT_THAT(refusal(::socket(AF_INET, SOCK_STREAM, 0)), testing::HasSubstr("is no listening"));
    EXPECT_THAT(refusal(::socket(AF_INET, SOCK_DGRAM, 0)), testing::HasSubstr("is no listening"));
    EXPECT_THAT(refusal(::open("/dev/null", O_RDONLY)), testing::HasSubstr("is no listening"));
    net::asio::io_context context;
    // Of the kernel's choice, and abstract: unix(7), "Autobind feature".
    boost::asio::local::stream_protocol::acceptor abstract(context, {""});
    EXPECT_THAT(refusal(abstract.release()), testing::HasSubstr("is no listening"));
    tcp::acceptor both(context, tcp::v6());
    both.set_option(ip::v6_only(false));
    both.bind({ip::address_v6::any(), 0});
    both.listen();
    EXPECT_THAT(refusal(both.release()), testing::HasSubstr("set BindIPv6Only=ipv6-only"));
}

TEST_F(listener, a_port_of_another_program_is_said) {
    net::asio::io_context context;
    for (const auto* address : {"127.0.0.1", "::1"}) {
        const tcp::acceptor stranger(context, {ip::make_address(address), 0}, true);
        const core::endpoint where{core::ip_address::parse(address).value(),
                                   stranger.local_endpoint().port()};
        const auto again = net::listening_socket::open(where, 0);
        ASSERT_FALSE(again);
        EXPECT_THAT(again.error().sentence,
                    testing::StartsWith("cannot listen on " + where.to_string() +
                                        ": Address already in use; another program has it"));
    }
}

TEST_F(listener, a_new_proxy_takes_the_port_over_before_the_old_one_ends) {
    test_proxy old(cluster.proxy_for(node));
    auto lasting = old.login();
    auto options = cluster.proxy_for(node);
    options.bind = core::to_string(old.bound());
    test_proxy successor(std::move(options));
    ASSERT_EQ(successor.bound(), old.bound());
    // Connections are shared out by a hash of their addresses: the successor has its share.
    std::vector<loopback_client> clients;
    while (successor.connections() == 0) {
        ASSERT_LT(clients.size(), 200U);
        clients.push_back(loopback_client::connect_tcp("127.0.0.1", old.port()));
        clients.back().login(app);
    }
    lasting.close();
    clients.clear();
    old.stop(0ms);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(successor.login().query("select 1").front(), "select 1");
    }
}

TEST_F(listener, port_0_is_a_port_that_nobody_has) {
    std::vector<net::listening_socket> sockets;
    std::set<std::string> bound;
    const core::endpoint anywhere{core::ip_address::parse("127.0.0.1").value(), 0};
    for (std::size_t i = 1; i <= 200; ++i) {
        sockets.push_back(net::listening_socket::open(anywhere, 0).value());
        EXPECT_TRUE(bound.insert(core::to_string(sockets.back().bound())).second);
    }
}

TEST_F(listener, limits_answer_53300_and_places_come_back) {
    auto options = cluster.proxy_for(node);
    options.max_connections = 2;
    test_proxy proxy(std::move(options));
    auto first = proxy.login();
    auto second = proxy.login();
    auto third = proxy.connect();
    third.send(startup_message(app));
    const auto error = third.read_error();
    EXPECT_EQ(error.code, "53300");
    EXPECT_THAT(error.detail, testing::HasSubstr("max_connections is 2"));
    first.close();
    ASSERT_TRUE(proxy.events().wait_for<core::events::session_ended>());
    proxy.wait_for_connections(1);
    EXPECT_EQ(proxy.login().query("select 1").front(), "select 1");
}

TEST_F(listener, the_limit_over_all_listeners_holds_too) {
    auto options = cluster.proxy_for(node);
    options.all_connections = 1;
    test_proxy proxy(std::move(options));
    auto first = proxy.login();
    auto second = proxy.connect();
    second.send(startup_message(app));
    EXPECT_THAT(second.read_error().detail, testing::HasSubstr("limits.max_connections"));
}

TEST_F(listener, openings_beyond_max_opening_wait_their_turn) {
    auto options = cluster.proxy_for(node);
    options.max_opening = 2;
    options.timeouts.client_opening = 500ms;
    test_proxy proxy(std::move(options));
    auto slow_one = proxy.connect();
    auto slow_two = proxy.connect();
    auto waiting = proxy.connect(); // the kernel's backlog has it
    waiting.login(app);             // served once a slow one's time is over
    EXPECT_EQ(waiting.query("select 1").front(), "select 1");
    EXPECT_GE(proxy.events().all<core::events::client_refused>().size(), 1U);
}

/// Waits as the opening's place does: until the hanging node is given up.
class hanging_node : public listener {
protected:
    static fake_cockroach_options hanging(const good_cluster& from) {
        auto options = from.node();
        options.plays.fault = session_fault{session_step::ssl_request, fault_kind::hang};
        return options;
    }

    fake_cockroach silent{hanging(cluster)};
};

TEST_F(hanging_node, cancel_requests_take_the_places_of_openings) {
    auto options = cluster.proxy_for(silent);
    options.max_opening = 2;
    options.timeouts.dial = 500ms;
    test_proxy proxy(std::move(options));
    const auto begin = core::clock::now();
    auto first = proxy.connect();
    first.send(cancel_request(1));
    auto second = proxy.connect();
    second.send(cancel_request(2));
    auto third = proxy.connect();
    third.send(cancel_request(3));
    EXPECT_EQ(third.read_until_end(), "");
    // It was dialled for when one of the others had ended, not before.
    EXPECT_GE(core::clock::now() - begin, 2 * 500ms);
    EXPECT_EQ(silent.connections(), 3U);
}

TEST_F(hanging_node, a_client_that_gives_up_gives_its_places_back) {
    auto options = cluster.proxy_for(silent);
    options.max_connections = 1;
    options.timeouts.dial = 30s;
    options.timeouts.establish = 30s;
    test_proxy proxy(std::move(options));
    auto impatient = proxy.connect();
    impatient.send(startup_message(app));
    ASSERT_TRUE(silent.wait_until([](const auto& records) { return !records.empty(); }));
    impatient.close();
    const auto gone = proxy.events().wait_for<core::events::client_gone>();
    ASSERT_TRUE(gone);
    EXPECT_THAT(gone->reason, testing::HasSubstr("while a node was dialled"));
    proxy.wait_for_connections(0);
}

TEST_F(hanging_node, addresses_whose_turn_never_came_are_named) {
    auto options = cluster.proxy_for(silent);
    options.nodes.push_back(node_at(node.port(), "crdb-1.crdb.internal"));
    options.nodes.back().tier = 1;
    options.timeouts.dial = 200ms;
    options.timeouts.establish = 200ms;
    test_proxy proxy(std::move(options));
    auto client = proxy.connect();
    client.send(startup_message(app));
    const auto error = client.read_error();
    EXPECT_EQ(error.code, "08001");
    EXPECT_THAT(error.detail, testing::HasSubstr("crdb-1.crdb.internal at 127.0.0.1:" +
                                                 std::to_string(node.port()) + ": tcp, not_tried"));
}

TEST_F(listener, a_crowd_of_refused_peers_keeps_nobody_out) {
    auto options = cluster.proxy_for(node);
    options.admission.allow_from = {core::cidr::parse("127.0.0.1/32").value()};
    options.max_opening = 4;
    test_proxy proxy(std::move(options));
    net::asio::io_context context;
    std::vector<tcp::socket> silent;
    for (int i = 0; i < 12; ++i) {
        silent.emplace_back(context, tcp::endpoint(ip::make_address("127.0.0.2"), 0));
        silent.back().connect({ip::make_address("127.0.0.1"), proxy.port()});
    }
    EXPECT_EQ(proxy.login().query("select 1").front(), "select 1");
    const auto refused = proxy.events().wait_for<core::events::client_refused>();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->reason, "not_admitted");
    EXPECT_FALSE(refused->told);
}

TEST_F(listener, running_out_of_descriptors_is_waited_out) {
    test_proxy proxy(cluster.proxy_for(node));
    proxy.login();
    ASSERT_TRUE(proxy.events().wait_for<core::events::session_ended>());
    auto client = proxy.connect(); // its descriptor is there before the limit falls
    client.login(app);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = ::dup(0);
    ASSERT_GE(next, 0);
    ::close(next);
    // One more descriptor may be had: the client's own end. accept(2) then fails.
    rlimit low = before;
    low.rlim_cur = static_cast<rlim_t>(next) + 1;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    auto starved = proxy.connect();
    const auto failed = proxy.events().wait_for<core::events::accept_failed>(3);
    ::setrlimit(RLIMIT_NOFILE, &before);
    ASSERT_TRUE(failed);
    EXPECT_GT(failed->retry_after,
              proxy.events().all<core::events::accept_failed>()[0].retry_after);
    EXPECT_THAT(failed->reason, testing::HasSubstr("Too many open files"));
    starved.login(app); // the loop has not ended
    EXPECT_EQ(client.query("select 1").front(), "select 1");
}

} // namespace
} // namespace roachpin::test
