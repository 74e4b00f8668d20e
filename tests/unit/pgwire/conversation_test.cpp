#include "pgwire/conversation.hpp"
#include "support/pg_messages.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace roachpin {
namespace {

using core::as_bytes;
using pgwire::conversation;

/// What one side sends in one go, and whether all is idle behind it (nothing: not looked at).
struct turn {
    bool by_client = false;
    std::string octets;
    std::optional<bool> idle{};
};

/// ">Q" is a Query of the client, "<T" a RowDescription of the node, "<ZI" a ReadyForQuery that
/// says 'I'. Bodies are filled where the protocol has one.
std::string message_of(const std::string& word) {
    const std::string bodiless = word[0] == '>' ? "ScHX" : "c123nsI";
    if (word.substr(0, 2) == "<Z") {
        return test::encode_message('Z', word.substr(2));
    }
    return test::encode_message(word[1], bodiless.find(word[1]) == std::string::npos ? "body" : "");
}

/// Messages and the words "idle" and "busy" in between.
std::vector<turn> read_script(const std::string& script) {
    std::vector<turn> turns;
    std::istringstream words(script);
    for (std::string word; words >> word;) {
        if (word == "idle" || word == "busy") {
            turns.back().idle = word == "idle";
            continue;
        }
        const bool by_client = word[0] == '>';
        if (turns.empty() || turns.back().idle || turns.back().by_client != by_client) {
            turns.push_back({by_client, {}});
        }
        turns.back().octets += message_of(word);
    }
    return turns;
}

void say(conversation& talk, const turn& said, std::size_t from, std::size_t size) {
    const auto octets = as_bytes(said.octets).subspan(from, size);
    said.by_client ? talk.client_said(octets) : talk.node_said(octets);
}

std::size_t size_of(const std::vector<turn>& turns) {
    std::size_t size = 0;
    for (const auto& one : turns) {
        size += one.octets.size();
    }
    return size;
}

/// `split`: the octet of the whole history in front of which a read ends.
void expect_verdicts(const std::string& script, std::size_t split) {
    conversation talk;
    std::size_t before = 0;
    for (const auto& one : read_script(script)) {
        const auto size = one.octets.size();
        const auto first = split > before && split < before + size ? split - before : size;
        say(talk, one, 0, first);
        say(talk, one, first, size - first);
        before += size;
        if (one.idle) {
            EXPECT_EQ(talk.is_idle(), *one.idle)
                << script << "\nbehind octet " << before << ", split at " << split;
        }
    }
}

void expect_verdicts_octet_by_octet(const std::string& script) {
    conversation talk;
    std::size_t at = 0;
    for (const auto& one : read_script(script)) {
        for (std::size_t i = 0; i < one.octets.size(); ++i, ++at) {
            say(talk, one, i, 1);
            const auto& side = one.by_client ? talk.client() : talk.node();
            EXPECT_FALSE(talk.is_idle() && !side.at_boundary()) << script << "\noctet " << at;
        }
        if (one.idle) {
            EXPECT_EQ(talk.is_idle(), *one.idle) << script << "\nbehind octet " << at;
        }
    }
}

void expect_script(const std::string& script) {
    for (std::size_t split = 0; split <= size_of(read_script(script)); ++split) {
        expect_verdicts(script, split); // at 0: everything whole
    }
    expect_verdicts_octet_by_octet(script);
}

void expect_scripts(const std::vector<std::string>& scripts, const std::string& before = "") {
    for (const auto& script : scripts) {
        expect_script(before + script);
    }
}

const std::string login = "<R <S <S <K <ZI idle ";

TEST(pgwire_conversation, nothing_is_idle_before_the_login_is_over) {
    EXPECT_FALSE(conversation().is_idle());
    expect_scripts({
        login,
        "<R busy >p busy <R busy >p busy <R <S busy <K busy <ZI idle",
        "<v <R busy >p busy <R <N <S <ZI idle",
        "<E busy",
        ">Q busy <R <ZI busy <C <ZI idle",
        ">p >Q busy <R <K <ZI busy <C <ZI idle",
    });
}

TEST(pgwire_conversation, a_query_is_answered_by_one_ready_for_query) {
    expect_scripts(
        {
            ">Q busy <T <D <D busy <C busy <ZI idle",
            ">Q <T <D <C <T <D <C busy <ZI idle",
            ">Q <I <ZI idle >Q <E <ZI idle",
            ">F busy <V busy <ZI idle",
            ">Q busy <N <S <A busy <C <ZI idle",
        },
        login);
}

TEST(pgwire_conversation, every_command_of_a_pipeline_is_waited_for) {
    expect_scripts(
        {
            ">Q >Q >Q busy <C <ZI busy <C <ZI busy <C <ZI idle",
            ">Q <C >Q busy <ZI busy <C <ZI idle",
            ">P >B >E >S >P >B >E >S busy <1 <2 <C <ZI busy <1 <2 <C busy <ZI idle",
            ">P >B >E >S >P >B >E >S <E <ZI busy <1 <2 <C <ZI idle",
            ">S >S busy <ZI busy <ZI idle",
            ">S >Q >F busy <ZI busy <C <ZI busy <V <ZI idle",
        },
        login);
}

TEST(pgwire_conversation, a_transaction_is_not_idle) {
    expect_scripts(
        {
            ">Q <C <ZT busy >Q <C <ZT busy >Q <C <ZI idle",
            ">Q <C <ZT >Q <E <ZE busy >Q <C <ZI idle",
            ">Q <C <ZT <S <N busy",
            ">Q <C <Z busy", // says nothing
            ">Q >Q <C <ZI busy <C <ZT busy",
        },
        login);
}

TEST(pgwire_conversation, a_batch_is_busy_until_its_sync_is_answered) {
    expect_scripts(
        {
            ">P busy <1 busy >D busy <t <n busy >S busy <ZI idle",
            ">P >D >H <1 <t <T busy >B >E busy <2 <D <C busy >S busy <ZI idle",
            ">P >B >E >H <1 <2 <C busy >S <ZI idle",
            ">P >H <E busy >S busy <ZI idle",
            ">C busy <3 busy >S <ZI idle",
            ">B busy",
            ">E busy",
            ">D busy",
            ">H busy",
            ">S busy <ZI idle",
            ">S >P busy <ZI busy <1 busy >S <ZI idle",
            // A Query ends a batch too.
            ">P >B >E >Q busy <1 <2 <C <C <ZI idle",
        },
        login);
}

TEST(pgwire_conversation, what_a_node_says_unasked_leaves_it_idle_or_ends_it) {
    expect_scripts(
        {
            "<S idle <N idle <A idle <A <N <S idle >Q <C <ZI idle", "<E busy", "<E >Q <C <ZI idle",
            "<ZI busy >Q <C <ZI busy", // for nothing that was asked: the count cannot be trusted
        },
        login);
}

TEST(pgwire_conversation, copy_in_by_a_query_is_one_command) {
    expect_scripts(
        {
            ">Q busy <G busy >d >d busy >c busy <C busy <ZI idle",
            ">Q <G >d >f busy <E busy <ZI idle",
            ">Q <G >d <E busy <ZI idle >d idle >d >c idle >Q busy <C <ZI idle",
            ">Q <G >d <E >d >c busy <ZI idle",
            ">Q <G >d >c <C <G busy >d >c <C busy <ZI idle",
            ">Q >d >c busy <G <C busy <ZI idle",
            ">Q <G >d >c >Q <C <ZI busy <C <ZI idle",
            ">Q >Q <C <ZI busy <G >d >c <C <ZI idle",
            ">Q <C <ZT >Q <G >d >c <C <ZT busy >Q <C <ZI idle",
            // The node ignores the Sync, or has failed before it and answers it: not to be told.
            ">Q <G >d >S >c <C <ZI busy",
        },
        login);
}

TEST(pgwire_conversation, the_sync_sent_along_with_a_copy_in_is_not_answered) {
    expect_scripts(
        {
            // libpq
            ">P >B >D >E >S busy <1 <2 <n <G busy >d >d busy >c >S busy <C busy <ZI idle "
            ">Q busy <C <ZI idle",
            ">B >E >S <2 <G >d >c busy <C busy >S busy <ZI idle",
            ">B >E >S <2 <G >c <C busy >S <ZI idle",
            ">P >B >E >S >P >B >E >S <1 <2 <C <ZI busy <1 <2 <G >d >c >S busy <C <ZI idle",
            ">B >E >S <2 <G >d >c >S >B >E >S <C <ZI busy <2 <G >d >c >S <C busy <ZI idle",
            ">B >E >S <2 <G >d >H >d >c >S <C <ZI idle",
            ">Q <C <ZT >B >E >S <2 <G >d >c >S <C <ZT busy >Q <C <ZI idle",
            // The Sync is late.
            ">B >E busy <2 <G >S busy >d >c >S busy <C busy <ZI idle",
            ">B >E <2 <G >S >d >c <C busy >S busy <ZI idle",
            // The statement fails before there is a COPY.
            ">P >B >E >S <E busy <ZI idle",
            // The client waits, and sends but one.
            ">B >E >H <2 <G >d >c busy <C busy >S busy <ZI idle",
            ">B >E >H <2 <G >d >c >S busy <C busy <ZI idle",
            ">B >E >H <2 <G >d >f >S busy <E busy <ZI idle",
            ">B >E >d >c >S <2 <G <C busy <ZI idle",
        },
        login);
}

TEST(pgwire_conversation, a_copy_in_that_fails_may_leave_the_count_in_doubt) {
    expect_scripts(
        {
            // It had not read the Sync: answered before there was another.
            ">B >E >S <2 <G <E busy <ZI idle >d >c idle >S busy <ZI idle",
            // It had read it, or will answer it yet.
            ">B >E >S <2 <G >d >f >S <E busy <ZI busy >Q <C <ZI busy",
            ">B >E >S <2 <G >d >c >S <E busy <ZI busy",
            // It had not: both are answered.
            ">B >E >S <2 <G >d >c >S <E <ZI busy <ZI idle",
        },
        login);
}

TEST(pgwire_conversation, what_cannot_be_told_is_not_idle) {
    expect_scripts(
        {
            // Whether the Sync came before CopyDone or behind it decides; both were sent blindly.
            ">B >E >S >d >c >S <2 <G <C <ZI busy",
            ">Q >d >c >B >E >S <G >d >c busy <C busy <ZI busy <2 <C <ZI idle",
            ">B >E >S >S <2 <G >d >c >S <C <ZI busy",
            ">B >E >E >S <2 <C <G >d >c >S <C <ZI busy",
            ">B >E >d >c >B >E >S <2 <G >d >c <C busy <E >Q <ZI busy",
            ">B >E >S <2 <G >d >S >c >S <C <ZI busy",
            ">B >E <2 <G >d >S >c >S <C <ZI busy",
            ">B >E >S <2 <G >d <C >c >S <ZI busy", // ended before it was told to
                                                   // A node skips what comes behind an error, to
                                                   // the Sync.
            ">P >Q <E busy >S <ZI busy",
        },
        login);
}

TEST(pgwire_conversation, copy_out_and_copy_both_are_one_command) {
    expect_scripts(
        {
            ">Q <H <d <d busy <c <C busy <ZI idle",
            ">P >B >E >S <1 <2 <H <d <c <C busy <ZI idle",
            ">Q <H <d <E busy <ZI idle",
            ">Q <W <d busy >d busy <d >c busy <c <C busy <ZI idle",
        },
        login);
}

TEST(pgwire_conversation, a_client_that_said_goodbye_is_not_idle) {
    expect_scripts({">X busy", ">Q <C <ZI idle >X busy", ">Q >X <C <ZI busy"}, login);
}

TEST(pgwire_conversation, what_no_client_may_send_is_never_idle_again) {
    expect_scripts({">p busy >Q <C <ZI busy", ">z busy >Q <C <ZI busy"}, login);
}

TEST(pgwire_conversation, broken_framing_is_never_idle_again) {
    for (const bool by_client : {true, false}) {
        conversation talk;
        talk.node_said(as_bytes(test::encode_message('Z', "I")));
        ASSERT_TRUE(talk.is_idle());
        say(talk, {by_client, "N" + test::encode_u32(3)}, 0, 5);
        EXPECT_FALSE(talk.is_idle());
        talk.client_said(as_bytes(test::query_message("select 1")));
        talk.node_said(as_bytes(test::encode_message('Z', "I")));
        EXPECT_FALSE(talk.is_idle());
    }
}

TEST(pgwire_conversation, tells_the_last_types_and_boundaries_of_both_sides) {
    conversation talk;
    talk.client_said(as_bytes(test::query_message("select 1") + "X"));
    talk.node_said(as_bytes(test::encode_message('E', "why")));
    EXPECT_EQ(talk.client().last_type(), 'Q');
    EXPECT_FALSE(talk.client().at_boundary());
    EXPECT_EQ(talk.node().last_type(), 'E');
    EXPECT_TRUE(talk.node().at_boundary());
}

TEST(pgwire_conversation, is_small) {
    EXPECT_LE(sizeof(pgwire::message_boundary), 16U);
    EXPECT_LE(sizeof(conversation), 80U);
}

std::string text(const core::bytes& octets) {
    return std::string(core::as_text(octets));
}

/// The key taken when all of `said` was heard in reads of `read` octets.
std::string key_heard(const std::string& said, std::size_t read) {
    conversation talk;
    for (std::size_t at = 0; at < said.size(); at += read) {
        talk.node_said(as_bytes(said).subspan(at, std::min(read, said.size() - at)));
    }
    const auto key = text(talk.take_cancel_key());
    EXPECT_TRUE(talk.take_cancel_key().empty()) << "once";
    return key;
}

TEST(pgwire_conversation, the_cancel_key_is_the_body_of_backend_key_data) {
    const auto ok = test::encode_message('R', test::encode_u32(0));
    const auto ready = test::encode_message('Z', "I");
    for (const std::size_t size : {8U, 12U, 36U, 260U}) {
        std::string key = "pid." + std::string(size - 4, '\x07');
        key.back() = '\0';
        const auto given = ok + test::encode_message('K', key);
        for (const std::size_t read : {std::size_t{1}, std::size_t{3}, std::size_t{4096}}) {
            EXPECT_EQ(key_heard(given, read), key) << size << ", " << read;
            EXPECT_EQ(key_heard(given + ready, read), key) << size << ", " << read;
        }
    }
}

TEST(pgwire_conversation, the_cancel_key_is_there_when_it_is_whole) {
    const auto given = test::encode_message('K', "pid.key.");
    conversation talk;
    for (const char octet : given) {
        EXPECT_TRUE(talk.take_cancel_key().empty());
        talk.node_said(as_bytes({&octet, 1}));
    }
    EXPECT_EQ(text(talk.take_cancel_key()), "pid.key.");
}

TEST(pgwire_conversation, a_key_of_another_size_is_none) {
    for (const std::size_t size : {0U, 1U, 7U, 261U, 300U, 1'000'000U}) {
        for (const std::size_t read : {std::size_t{1}, std::size_t{100}, std::size_t{2'000'000}}) {
            EXPECT_EQ(key_heard(test::encode_message('K', std::string(size, 'k')), read), "")
                << size << ", " << read;
        }
    }
}

TEST(pgwire_conversation, only_the_first_key_before_the_login_is_over_counts) {
    const auto key = test::encode_message('K', "pid.key.");
    const auto ready = test::encode_message('Z', "I");
    EXPECT_EQ(key_heard(ready + key, 4096), "");
    EXPECT_EQ(key_heard(key + test::encode_message('K', "pid.evil"), 4096), "pid.key.");
    EXPECT_EQ(key_heard(test::encode_message('K', "short") + key, 4096), "");
}

} // namespace
} // namespace roachpin
