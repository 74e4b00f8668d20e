#include "pgwire/client_opening.hpp"
#include "unit/pgwire/packets.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace roachpin {
namespace {

using namespace std::string_view_literals;
using core::as_bytes;
using core::as_text;
using pgwire::client_opening;
using pgwire::opening_mode;
using pgwire::opening_step;
namespace opening = pgwire::opening;

/// What the client sends next, or that the handshake is done.
struct tls_established {
    bool alpn = false;
};

using action = std::variant<std::string, tls_established>;
using steps = std::vector<std::string>;

struct namer {
    std::string operator()(const opening::read&) const { return "read"; }

    std::string operator()(const opening::decline_encryption&) const { return "decline"; }

    std::string operator()(const opening::start_tls& start) const {
        return start.direct ? "start direct tls" : "start tls";
    }

    std::string operator()(const opening::pass_through&) const { return "pass through"; }

    std::string operator()(const opening::startup& startup) const {
        return "startup of " + startup.message.user + ", " + std::to_string(startup.replay.size());
    }

    std::string operator()(const opening::cancel& cancel) const {
        return "cancel, " + std::to_string(cancel.packet.size());
    }

    std::string operator()(const opening::refuse& refuse) const {
        return refuse.tell ? "refuse" : "refuse silently";
    }
};

std::string name_of(const opening_step& step) {
    return std::visit(namer{}, step);
}

opening_step act(client_opening& machine, const action& next) {
    if (const auto* tls = std::get_if<tls_established>(&next)) {
        return machine.tls_established(tls->alpn);
    }
    return machine.feed(as_bytes(std::get<std::string>(next)));
}

steps play(client_opening& machine, const std::vector<action>& script) {
    steps taken;
    for (const auto& next : script) {
        taken.push_back(name_of(act(machine, next)));
    }
    return taken;
}

/// The same script, each octet fed by itself; the reads in between are left out.
steps play_octet_by_octet(client_opening& machine, const std::vector<action>& script) {
    steps taken;
    for (const auto& next : script) {
        if (std::holds_alternative<tls_established>(next)) {
            taken.push_back(name_of(act(machine, next)));
            continue;
        }
        for (const char octet : std::get<std::string>(next)) {
            taken.push_back(name_of(act(machine, std::string(1, octet))));
            if (&octet != &std::get<std::string>(next).back() && taken.back() == "read") {
                taken.pop_back();
            }
        }
    }
    return taken;
}

const std::string ssl = test::ssl_request();
const std::string gssenc = test::gssenc_request();
const std::string cancel = test::cancel_request(0x8123456789abcdef);
const std::string startup = test::psql_startup;
const std::string hello_octet = test::client_hello.substr(0, 1);
constexpr auto clear = opening_mode::clear;
constexpr auto with_tls = opening_mode::tls;
constexpr auto passthrough = opening_mode::passthrough;
constexpr tls_established with_alpn{true};
constexpr tls_established without_alpn{false};

struct script_row {
    const char* name;
    opening_mode mode;
    std::vector<action> script;
    steps expected;
};

TEST(pgwire_client_opening, legal_orders_lead_to_what_the_client_wants) {
    for (const auto& [name, mode, script, expected] : {
             script_row{"in clear", clear, {startup}, {"startup of app, 75"}},
             script_row{
                 "in clear, where TLS is offered", with_tls, {startup}, {"startup of app, 75"}},
             script_row{"SSLRequest",
                        with_tls,
                        {ssl, without_alpn, startup},
                        {"start tls", "read", "startup of app, 75"}},
             script_row{"SSLRequest, ALPN agreed on",
                        with_tls,
                        {ssl, with_alpn, startup},
                        {"start tls", "read", "startup of app, 75"}},
             script_row{
                 "SSLRequest declined", clear, {ssl, startup}, {"decline", "startup of app, 75"}},
             script_row{
                 "GSSENCRequest", with_tls, {gssenc, startup}, {"decline", "startup of app, 75"}},
             script_row{"GSSENCRequest, then SSLRequest",
                        with_tls,
                        {gssenc, ssl, without_alpn, startup},
                        {"decline", "start tls", "read", "startup of app, 75"}},
             script_row{"GSSENCRequest, then SSLRequest declined",
                        clear,
                        {gssenc, ssl, startup},
                        {"decline", "decline", "startup of app, 75"}},
             script_row{"SSLRequest declined, then GSSENCRequest",
                        clear,
                        {ssl, gssenc, startup},
                        {"decline", "decline", "startup of app, 75"}},
             script_row{"direct TLS",
                        with_tls,
                        {hello_octet, with_alpn, startup},
                        {"start direct tls", "read", "startup of app, 75"}},
             script_row{"cancel in clear", clear, {cancel}, {"cancel, 16"}},
             script_row{"cancel inside TLS",
                        with_tls,
                        {ssl, without_alpn, cancel},
                        {"start tls", "read", "cancel, 16"}},
             script_row{"cancel inside direct TLS",
                        with_tls,
                        {hello_octet, with_alpn, cancel},
                        {"start direct tls", "read", "cancel, 16"}},
             script_row{"cancel behind declined encryption",
                        clear,
                        {gssenc, ssl, cancel},
                        {"decline", "decline", "cancel, 16"}},
             script_row{"SSLRequest for a node", passthrough, {ssl}, {"pass through"}},
             script_row{"GSSENCRequest, then SSLRequest for a node",
                        passthrough,
                        {gssenc, ssl},
                        {"decline", "pass through"}},
             script_row{
                 "in clear, where TLS is a node's", passthrough, {startup}, {"startup of app, 75"}},
             script_row{"GSSENCRequest, then in clear, where TLS is a node's",
                        passthrough,
                        {gssenc, startup},
                        {"decline", "startup of app, 75"}},
             script_row{
                 "cancel in clear, where TLS is a node's", passthrough, {cancel}, {"cancel, 16"}},
         }) {
        client_opening whole(mode);
        EXPECT_EQ(play(whole, script), expected) << name;
        client_opening split(mode);
        EXPECT_EQ(play_octet_by_octet(split, script), expected) << name;
    }
}

TEST(pgwire_client_opening, illegal_orders_are_refused) {
    const auto protocol_2 = test::first_packet_of(2U << 16, "x");
    for (const auto& [name, mode, script, expected] : {
             script_row{"direct TLS without ALPN",
                        with_tls,
                        {hello_octet, without_alpn},
                        {"start direct tls", "refuse"}},
             script_row{
                 "direct TLS where none is offered", clear, {hello_octet}, {"refuse silently"}},
             script_row{"a second SSLRequest", clear, {ssl, ssl}, {"decline", "refuse"}},
             script_row{"a second SSLRequest, a GSSENCRequest between",
                        clear,
                        {ssl, gssenc, ssl},
                        {"decline", "decline", "refuse"}},
             script_row{
                 "a second GSSENCRequest", with_tls, {gssenc, gssenc}, {"decline", "refuse"}},
             script_row{"a second GSSENCRequest, an SSLRequest between",
                        clear,
                        {gssenc, ssl, gssenc},
                        {"decline", "decline", "refuse"}},
             script_row{"SSLRequest inside TLS",
                        with_tls,
                        {ssl, without_alpn, ssl},
                        {"start tls", "read", "refuse"}},
             script_row{"SSLRequest inside direct TLS",
                        with_tls,
                        {hello_octet, with_alpn, ssl},
                        {"start direct tls", "read", "refuse"}},
             script_row{"GSSENCRequest inside TLS",
                        with_tls,
                        {ssl, without_alpn, gssenc},
                        {"start tls", "read", "refuse"}},
             script_row{"GSSENCRequest inside direct TLS",
                        with_tls,
                        {hello_octet, with_alpn, gssenc},
                        {"start direct tls", "read", "refuse"}},
             script_row{"a ClientHello behind a declined SSLRequest",
                        clear,
                        {ssl, hello_octet},
                        {"decline", "refuse silently"}},
             script_row{"a ClientHello behind a GSSENCRequest",
                        with_tls,
                        {gssenc, hello_octet},
                        {"decline", "refuse silently"}},
             script_row{"TLS inside TLS",
                        with_tls,
                        {ssl, with_alpn, hello_octet},
                        {"start tls", "read", "refuse silently"}},
             script_row{"TLS inside direct TLS",
                        with_tls,
                        {hello_octet, with_alpn, hello_octet},
                        {"start direct tls", "read", "refuse silently"}},
             script_row{"direct TLS for a node", passthrough, {hello_octet}, {"refuse silently"}},
             script_row{"a ClientHello behind a GSSENCRequest, where TLS is a node's",
                        passthrough,
                        {gssenc, hello_octet},
                        {"decline", "refuse silently"}},
             script_row{"a second GSSENCRequest, where TLS is a node's",
                        passthrough,
                        {gssenc, gssenc},
                        {"decline", "refuse"}},
             script_row{"protocol 2.0", clear, {protocol_2}, {"refuse"}},
             script_row{"protocol 2.0 inside TLS",
                        with_tls,
                        {ssl, without_alpn, protocol_2},
                        {"start tls", "read", "refuse"}},
             script_row{"HTTP", with_tls, {std::string("GET / HTTP/1.1\r\n\r\n")}, {"refuse"}},
             script_row{"a length of 10001", clear, {test::startup_of_size(10'001)}, {"refuse"}},
             script_row{"a crdb: parameter",
                        clear,
                        {test::startup_message({{"crdb:remote_addr", "x"}})},
                        {"refuse"}},
         }) {
        client_opening machine(mode);
        EXPECT_EQ(play(machine, script), expected) << name;
    }
}

/// CVE-2021-23214: what was buffered in clear must not pass for what came inside TLS. Wherever the
/// reads fall, octets that are there before the answer end the connection.
TEST(pgwire_client_opening, octets_behind_an_encryption_request_are_refused_at_every_split) {
    for (const auto& request : {ssl, gssenc}) {
        for (const auto mode : {clear, with_tls, passthrough}) {
            for (const auto& behind :
                 {startup, ssl, gssenc, cancel, test::client_hello, std::string(1, '\0')}) {
                const auto all = request + behind;
                for (std::size_t split = 0; split < all.size(); ++split) {
                    client_opening machine(mode);
                    auto step = split == 0 ? opening_step(opening::read{})
                                           : machine.feed(as_bytes(all.substr(0, split)));
                    if (split == request.size()) {
                        EXPECT_NE(name_of(step), "read"); // answered: the rest is what comes next
                        continue;
                    }
                    if (split < request.size()) {
                        ASSERT_EQ(name_of(step), "read") << split;
                        step = machine.feed(as_bytes(all.substr(split)));
                    }
                    EXPECT_EQ(name_of(step), "refuse") << split;
                }
            }
        }
    }
}

TEST(pgwire_client_opening, what_came_behind_a_startup_message_is_replayed_with_it) {
    const auto all = startup + test::password_message("not waiting to be asked");
    client_opening machine(clear);
    auto step = machine.feed(as_bytes(all));
    const auto* wanted = std::get_if<opening::startup>(&step);
    ASSERT_NE(wanted, nullptr);
    EXPECT_EQ(as_text(wanted->replay), all);
    EXPECT_EQ(wanted->message.user, "app");
    EXPECT_EQ(wanted->message.database, "bank");
    EXPECT_EQ(wanted->message.application_name, "psql");
}

TEST(pgwire_client_opening, requests_before_it_are_not_replayed) {
    client_opening machine(with_tls);
    play(machine, {gssenc, ssl, without_alpn});
    auto step = machine.feed(as_bytes(startup));
    const auto* wanted = std::get_if<opening::startup>(&step);
    ASSERT_NE(wanted, nullptr);
    EXPECT_EQ(as_text(wanted->replay), startup);
}

TEST(pgwire_client_opening, a_cancel_request_is_passed_on_as_it_came) {
    client_opening machine(clear);
    auto step = machine.feed(as_bytes(cancel));
    const auto* wanted = std::get_if<opening::cancel>(&step);
    ASSERT_NE(wanted, nullptr);
    EXPECT_EQ(as_text(wanted->packet), cancel);
}

TEST(pgwire_client_opening, the_longest_startup_message_is_taken) {
    client_opening machine(clear);
    EXPECT_EQ(name_of(machine.feed(as_bytes(test::startup_of_size(10'000)))),
              "startup of app, 10000");
}

TEST(pgwire_client_opening, ten_thousand_octets_are_all_that_is_held_for_a_client) {
    const auto behind = std::string(10'000 - startup.size(), 'x');
    client_opening as_many(clear);
    EXPECT_EQ(name_of(as_many.feed(as_bytes(startup + behind))), "startup of app, 10000");
    client_opening one_more(clear);
    EXPECT_EQ(name_of(one_more.feed(as_bytes(startup + behind + "x"))), "refuse");
}

TEST(pgwire_client_opening, knows_whether_it_heard_anything) {
    client_opening machine(with_tls);
    EXPECT_FALSE(machine.heard_anything());
    EXPECT_EQ(name_of(machine.feed({})), "read");
    EXPECT_FALSE(machine.heard_anything());
    EXPECT_EQ(name_of(machine.feed(as_bytes(ssl.substr(0, 1)))), "read");
    EXPECT_TRUE(machine.heard_anything());
}

/// Some octets a hostile client could send: real packets, whole or maimed, and noise.
std::string hostile_octets(std::mt19937& random) {
    static const auto packets = test::real_packets();
    std::string octets = random() % 8 == 0 ? test::client_hello : packets[random() % 8].octets;
    switch (random() % 6) {
    case 0:
        octets[random() % octets.size()] = static_cast<char>(random());
        break;
    case 1:
        octets.resize(random() % octets.size() + 1);
        break;
    case 2:
        octets.insert(random() % octets.size(), 1, static_cast<char>(random()));
        break;
    case 3:
        for (auto& octet : octets) {
            octet = static_cast<char>(random());
        }
        break;
    case 4: // a StartupMessage without its last octet, its length made to fit
        octets = test::first_packet_of(test::protocol_3_0,
                                       startup.substr(8, random() % (startup.size() - 8)));
        break;
    default:
        break;
    }
    return octets;
}

/// Whether the first packet of `replay` is a StartupMessage that a second reader understands, too.
bool is_whole_startup(const opening::startup& step) {
    const auto replay = as_text(step.replay);
    if (replay.size() < 9) {
        return false;
    }
    const std::size_t size = test::decode_u32(replay.substr(0, 4));
    if (size > replay.size() || test::decode_u32(replay.substr(4, 4)) >> 16 != 3) {
        return false;
    }
    const auto parameters = test::parse_startup_parameters(replay.substr(8, size - 8));
    const auto user = parameters ? parameters->find("user") : test::parameter_map::const_iterator{};
    return parameters &&
           (user == parameters->end() ? std::string() : user->second) == step.message.user;
}

TEST(pgwire_client_opening, whatever_comes_it_ends_and_never_with_half_a_startup_message) {
    std::mt19937 random(2); // NOLINT(cert-msc51-cpp): the same clients in each run
    int startups = 0;
    int passed_through = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto mode = std::array{clear, with_tls, passthrough}[random() % 3];
        client_opening machine(mode);
        int declined = 0;
        int handshakes = 0;
        bool through = false;
        for (int reads = 0; reads < 30; ++reads) {
            auto octets = hostile_octets(random);
            octets.resize(random() % octets.size() + 1);
            const auto step = machine.feed(as_bytes(octets));
            if (std::holds_alternative<opening::start_tls>(step)) {
                ++handshakes;
                machine.tls_established(true);
            } else if (std::holds_alternative<opening::decline_encryption>(step)) {
                ++declined;
            } else if (const auto* wanted = std::get_if<opening::startup>(&step)) {
                ++startups;
                ASSERT_TRUE(is_whole_startup(*wanted)) << i;
                break;
            } else if (!std::holds_alternative<opening::read>(step)) {
                through = std::holds_alternative<opening::pass_through>(step);
                break;
            }
        }
        ASSERT_LE(handshakes, mode == with_tls ? 1 : 0) << i;
        ASSERT_LE(declined, mode == clear ? 2 : 1) << i;
        passed_through += through ? 1 : 0;
        ASSERT_TRUE(!through || mode == passthrough) << i;
    }
    EXPECT_GT(startups, 100);
    EXPECT_GT(passed_through, 10);
}

} // namespace
} // namespace roachpin
