#include "dns/datagram.hpp"
#include "dns/query.hpp"
#include "unit/dns/message_builder.hpp"

#include <gtest/gtest.h>

namespace roachpin {
namespace {

using namespace std::string_literals;
using dns::record_type;

namespace dns_flag = test::dns_flag;
namespace dns_type = test::dns_type;

const auto asked = "CRdB-0.db.internal";

core::endpoint endpoint(std::string_view text) {
    return core::endpoint::parse(text).value();
}

core::bytes query(std::uint16_t id) {
    const auto name = core::dns_name::parse(asked).value();
    return dns::encode(dns::make_query({name, record_type::a}, id, 0b1011, false));
}

/// What is said of `octets`, sent by `from`, as the reply to a query to 10.0.0.53:53; "taken" where
/// nothing is.
std::string verdict_on(const std::string& octets, std::string_view from = "10.0.0.53:53") {
    const auto sent = query(815);
    return dns::refuse_datagram({endpoint(from), core::as_bytes(octets)},
                                {endpoint("10.0.0.53:53"), sent})
        .value_or("taken");
}

std::string reply(unsigned id, unsigned flags, std::vector<std::string> questions) {
    test::dns_message message;
    message.id = id;
    message.flags = flags;
    message.questions = std::move(questions);
    return message.octets();
}

TEST(dns_datagram, is_taken_from_the_server_under_the_querys_id_and_question) {
    struct row {
        const char* what;
        std::string octets;
        std::string verdict;
    };

    const auto question = test::question_octets(asked, dns_type::a);
    const auto right = reply(815, dns_flag::reply, {question});
    const auto without = "without this query's question"s;
    const auto asking = [](std::string_view name, unsigned type, unsigned kind = 1) {
        return reply(815, dns_flag::reply, {test::question_octets(name, type, kind)});
    };
    for (const auto& [what, octets, verdict] : {
             row{"the reply", right, "taken"},
             row{"with more behind it", right + "anything", "taken"},
             row{"in another case", asking("crdb-0.DB.internal", dns_type::a), "taken"},
             row{"of another opcode", reply(815, 0xf800, {question}), "taken"},
             row{"a failure", reply(815, dns_flag::reply | 2, {question}), "taken"},
             row{"nothing", "", "0 octets, less than a header"},
             row{"less than a header", right.substr(0, 11), "11 octets, less than a header"},
             row{"another id", reply(4711, dns_flag::reply, {question}), "id 4711 instead of 815"},
             row{"the id's octets swapped", reply(0x2f03, dns_flag::reply, {question}),
                 "id 12035 instead of 815"},
             row{"the query itself", std::string(core::as_text(query(815))),
                 "a query instead of a reply"},
             row{"a query and another id", reply(1, 0x0100, {question}), "id 1 instead of 815"},
             row{"a header alone", right.substr(0, 12), without},
             row{"half a question", right.substr(0, right.size() - 1), without},
             row{"no question", reply(815, dns_flag::reply, {}), without},
             row{"two questions", reply(815, dns_flag::reply, {question, question}), without},
             row{"another name", asking("CRdB-1.db.internal", dns_type::a), without},
             row{"a longer name", asking("x.CRdB-0.db.internal", dns_type::a), without},
             row{"a shorter name", asking("db.internal", dns_type::a), without},
             row{"another type", asking(asked, dns_type::aaaa), without},
             row{"another class", asking(asked, dns_type::a, 3), without},
             row{"noise", "\x03\x2f"s + std::string(200, '\xff'), without},
         }) {
        EXPECT_EQ(verdict_on(octets), verdict) << what;
    }
    EXPECT_EQ(verdict_on(right, "10.0.0.54:53"), "from 10.0.0.54:53 instead of 10.0.0.53:53");
    EXPECT_EQ(verdict_on(right, "10.0.0.53:54"), "from 10.0.0.53:54 instead of 10.0.0.53:53");
    EXPECT_EQ(verdict_on("", "[::1]:53"), "from [::1]:53 instead of 10.0.0.53:53");
}

TEST(dns_datagram, any_prefix_of_the_query_and_of_the_reply_may_be_judged) {
    const auto sent = query(815);
    const auto right =
        reply(815, dns_flag::reply, {test::question_octets(asked, dns_type::a)}) + "more";
    const auto server = endpoint("10.0.0.53:53");
    for (std::size_t cut = 0; cut < sent.size(); ++cut) {
        for (std::size_t size = 0; size < right.size(); ++size) {
            const std::string received = right.substr(0, size); // so that a reader finds its end
            const core::bytes went(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(cut));
            const bool taken =
                !dns::refuse_datagram({server, core::as_bytes(received)}, {server, went});
            const std::size_t whole = right.size() - "more"s.size();
            EXPECT_EQ(taken, cut >= whole && size >= whole) << cut << ", " << size;
        }
    }
}

TEST(dns_datagram, those_refused_are_counted_in_a_sentence) {
    EXPECT_EQ(describe(dns::refused_datagrams{1, "a query instead of a reply"}),
              "1 datagram that was no answer to this query (a query instead of a reply)");
    EXPECT_EQ(describe(dns::refused_datagrams{2, "id 4711 instead of 815"}),
              "2 datagrams that were no answer to this query (id 4711 instead of 815)");
}

} // namespace
} // namespace roachpin
