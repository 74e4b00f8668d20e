#include "pgwire/conversation.hpp"
#include "support/pg_messages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

/// Random histories of a client and a node that does what PostgreSQL's backend does, message by
/// message. The node knows whether it is idle; the conversation between them must never say so when
/// the node does not.
namespace roachpin {
namespace {

using core::as_bytes;

/// A client's message and what it asks for: '1' a row, 'x' an error, 'b' begin, 'k' commit,
/// 'y' COPY FROM, '.' nothing.
struct asked {
    char type = 0;
    char what = '.';
};

class model_node {
public:
    /// `moody`: a COPY may fail of itself, and a Query hold several of them.
    model_node(std::mt19937& random, bool moody) : random_(random), moody_(moody) {}

    void hear(asked message) { inbox_.push_back(message); }

    bool has_work() const { return !dead_ && (!logged_in_ || !inbox_.empty()); }

    bool is_dead() const { return dead_; }

    char transaction() const { return transaction_; }

    /// Copy messages outside of a COPY are dropped: what it has not read of these is no work.
    bool is_idle() const {
        return !dead_ && logged_in_ && mode_ == mode::commands && !open_batch_ &&
               transaction_ == 'I' &&
               std::all_of(inbox_.begin(), inbox_.end(), [](const asked& message) {
                   return message.type == 'd' || message.type == 'c' || message.type == 'f';
               });
    }

    /// Takes one message in and says what it is answered with.
    std::string work() {
        said_.clear();
        if (!logged_in_) {
            logged_in_ = true;
            say('R');
            ready();
            return said_;
        }
        const auto message = inbox_.front();
        inbox_.pop_front();
        mode_ == mode::commands ? command(message) : copy_message(message.type);
        return said_;
    }

private:
    enum class mode { commands, copy_of_query, copy_of_batch };

    bool one_in(unsigned times) { return random_() % times == 0; }

    void say(char type, const std::string& body = "body") {
        said_ += test::encode_message(type, body);
        if (one_in(20)) {
            said_ += test::encode_message("SNA"[random_() % 3], "async");
        }
    }

    void ready() {
        open_batch_ = false;
        say('Z', std::string(1, transaction_));
    }

    void die() {
        say('E');
        dead_ = true;
    }

    void error() {
        say('E');
        transaction_ = transaction_ == 'I' ? 'I' : 'E';
    }

    void command(asked message) {
        if (message.type == 'X') {
            dead_ = true;
        } else if (message.type == 'S') {
            ignoring_ = false;
            ready();
        } else if (!ignoring_ && message.type == 'Q') {
            query(message.what);
        } else if (!ignoring_ && message.type == 'F') {
            say('V');
            ready();
        } else if (std::string_view("PBDECH").find(message.type) != std::string_view::npos) {
            open_batch_ = true;
            if (!ignoring_) {
                batch(message);
            }
        }
    }

    bool is_refused(char what) const { return what == 'x' || (transaction_ == 'E' && what != 'k'); }

    void query(char what) {
        if (is_refused(what)) {
            error();
        } else if (what == 'y') {
            return begin_copy(mode::copy_of_query);
        } else {
            run(what);
        }
        ready();
    }

    void run(char what) {
        transaction_ = what == 'b' ? 'T' : what == 'k' ? 'I' : transaction_;
        say('C');
    }

    void batch(asked message) {
        if (message.type != 'H' && is_refused(message.what)) {
            error();
            ignoring_ = true;
        } else if (message.type == 'E' && message.what == 'y') {
            begin_copy(mode::copy_of_batch);
        } else if (message.type == 'E') {
            run(message.what);
        } else if (message.type != 'H') {
            say('1');
        }
    }

    void begin_copy(mode how) {
        say('G');
        mode_ = how;
        if (moody_ && one_in(6)) { // as a BEFORE STATEMENT trigger would
            fail_copy();
        }
    }

    void fail_copy() {
        error();
        end_copy(true);
    }

    void end_copy(bool failed) {
        const bool of_query = mode_ == mode::copy_of_query;
        mode_ = mode::commands;
        ignoring_ = failed && !of_query;
        if (of_query) {
            ready();
        }
    }

    void copy_message(char type) {
        switch (type) {
        case 'd':
            if (moody_ && one_in(6)) {
                fail_copy();
            }
            break;
        case 'c':
            say('C');
            if (moody_ && mode_ == mode::copy_of_query && one_in(6)) {
                return begin_copy(mode_); // the Query's next statement
            }
            end_copy(false);
            break;
        case 'f':
            fail_copy();
            break;
        case 'S':
        case 'H':
            break;
        default:
            die();
            break;
        }
    }

    std::mt19937& random_;
    bool moody_;
    std::deque<asked> inbox_;
    std::string said_;
    bool logged_in_ = false;
    bool dead_ = false;
    bool ignoring_ = false;
    bool open_batch_ = false;
    char transaction_ = 'I';
    mode mode_ = mode::commands;
};

/// What clients do in one go: two letters a message; "ww" waits until the node has done all.
const std::vector<std::string_view> orderly{
    "Q1",
    "Qx",
    "Qb",
    "Qk",
    "F.",
    "S.",
    "P.B.D.E1S.",
    "P.B.ExS.",
    "PxB.E1S.",
    "P.D.H.wwB.E1S.",
    "C.S.",
    "P.B.E1P.B.E1S.",
    "P.B.EbS.",
    "P.B.EkS.",
    "d.c.",
    "Qywwd.d.c.ww",
    "Qywwd.f.ww",
    "P.B.E1S.P.B.E1S.P.B.E1S.",
    "wwP.B.EyS.wwd.d.c.S.",
    "P.B.EyS.wwd.c.wwS.",
    "P.B.EyH.wwd.d.c.S.",
    "ww",
};

const std::vector<std::string_view> reckless{
    "QywwS.d.c.",
    "Qyd.c.",
    "Qyd.c.S.Q1",
    "P.B.EyS.d.c.S.",
    "P.B.Eyd.c.S.",
    "P.B.Eyd.c.P.B.EyS.wwd.c.S.",
    "P.B.Eyd.c.P.B.EyS.d.c.S.",
    "P.B.EyS.S.wwd.c.S.",
    "P.B.EyS.wwd.S.c.S.",
    "P.B.EyS.wwd.f.S.",
    "P.B.EyS.wwd.d.f.S.Q1",
    "P.B.E1EyS.wwd.c.S.",
    "PxQ1",
    "PxQ1S.",
    "P.B.E1Q1",
    "P.",
    "H.",
    "c.",
    "f.",
};

class history {
public:
    history(unsigned seed, bool with_reckless)
        : random_(seed), node_(random_, with_reckless), with_reckless_(with_reckless) {}

    /// Runs about so many steps of the client.
    void run(int steps) {
        for (int i = 0; i < steps && !node_.is_dead(); ++i) {
            const auto& choice = with_reckless_ && random_() % 3 == 0 ? reckless : orderly;
            run_client(choice[random_() % choice.size()]);
        }
    }

    /// Lets the node answer everything, out of any transaction.
    void settle() {
        run_client("ww");
        if (node_.transaction() != 'I') {
            run_client("Qkww");
        }
    }

    const pgwire::conversation& talk() const { return talk_; }

    int idles() const { return idles_; }

    const std::string& seen() const { return seen_; }

private:
    void run_client(std::string_view unit) {
        for (; !unit.empty() && !node_.is_dead(); unit.remove_prefix(2)) {
            while (node_.has_work() && (unit[0] == 'w' || random_() % 2 == 0)) {
                const auto said = node_.work();
                hear(said, [this](auto octets) { talk_.node_said(octets); });
            }
            if (unit[0] != 'w') {
                seen_ += unit.substr(0, 2);
                node_.hear({unit[0], unit[1]});
                hear(test::encode_message(unit[0], random_() % 2 == 0 ? "" : "body"),
                     [this](auto octets) { talk_.client_said(octets); });
            }
        }
    }

    /// In reads of any size.
    template <class Hear>
    void hear(const std::string& said, Hear hear_octets) {
        seen_ += ' ';
        for (std::size_t at = 0; at < said.size();) {
            const auto size = std::min<std::size_t>(1 + random_() % 30, said.size() - at);
            hear_octets(as_bytes(said).subspan(at, size));
            at += size;
            ASSERT_FALSE(talk_.is_idle() && !node_.is_idle()) << seen_;
        }
        idles_ += talk_.is_idle();
    }

    std::mt19937 random_;
    model_node node_;
    bool with_reckless_;
    pgwire::conversation talk_;
    int idles_ = 0;
    std::string seen_;
};

TEST(pgwire_conversation_history, is_never_idle_when_the_node_is_not) {
    int idles = 0;
    for (unsigned seed = 0; seed < 20'000 && !testing::Test::HasFailure(); ++seed) {
        history one(seed, true);
        one.run(8);
        one.settle();
        idles += one.idles();
    }
    EXPECT_GT(idles, 20'000) << "the histories say too little";
}

TEST(pgwire_conversation_history, is_idle_when_the_node_is_for_clients_that_keep_order) {
    for (unsigned seed = 0; seed < 5'000 && !testing::Test::HasFailure(); ++seed) {
        history one(seed, false);
        one.run(12);
        one.settle();
        EXPECT_TRUE(one.talk().is_idle()) << seed << ": " << one.seen();
    }
}

} // namespace
} // namespace roachpin
