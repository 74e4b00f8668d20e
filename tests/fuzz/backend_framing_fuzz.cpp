#include "fuzz.hpp"
#include "pgwire/conversation.hpp"
#include "pgwire/error_response.hpp"
#include "pgwire/first_answer.hpp"
#include "pgwire/integers.hpp"
#include "pgwire/upstream_opening.hpp"

#include <optional>
#include <vector>

/// What a node says, from its answer to SSLRequest to the end of a session, and what the client
/// says to it.
///
/// Fed: an octet that decides the cuts, then turns: an octet whose lowest bit is the side that
/// speaks, a length of two octets, and what is said.
///
/// Asserted: however a turn is cut, it comes to the same state. Boundaries are those that a plain
/// walk through the whole stream finds. A session counts as idle only where the node has answered
/// at least as much as was asked of it and has said 'I' last. A cancel key is the body of the first
/// BackendKeyData. A first answer does not change with what comes behind it, and an ErrorResponse
/// of roachpin's own is read as it was meant.
namespace {

using namespace roachpin;
using namespace roachpin::fuzz;

struct message {
    std::uint8_t type = 0;
    core::bytes_view body;
};

/// One side's stream, as somebody reads it who has all of it.
struct walked {
    std::vector<message> whole;
    bool at_boundary = true;
    bool broken = false;
};

walked walk(core::bytes_view stream) {
    walked found;
    while (!stream.empty() && found.at_boundary) {
        const auto length = stream.size() < 5 ? 0 : pgwire::load_uint32(stream.data() + 1);
        found.broken = stream.size() >= 5 && length < 4;
        if (stream.size() < 5 || found.broken || stream.size() - 1 < length) {
            found.at_boundary = false;
        } else {
            found.whole.push_back({stream.front(), stream.subspan(5, length - 4)});
            stream = stream.subspan(1 + std::size_t{length});
        }
    }
    return found;
}

std::ptrdiff_t count(const walked& side, std::string_view types) {
    return std::count_if(side.whole.begin(), side.whole.end(), [&](const message& one) {
        return types.find(static_cast<char>(one.type)) != std::string_view::npos;
    });
}

/// The node's last word, but for what means nothing.
const message* last_word(const walked& node) {
    const auto found = std::find_if(node.whole.rbegin(), node.whole.rend(), [](const message& one) {
        return one.type != 'S' && one.type != 'N' && one.type != 'A';
    });
    return found == node.whole.rend() ? nullptr : &*found;
}

void require_idle(const walked& client, const walked& node) {
    require(client.at_boundary && node.at_boundary, "where all is idle, no message is under way");
    const auto* last = last_word(node);
    require(last != nullptr && last->type == 'Z' && !last->body.empty() &&
                last->body.front() == 'I',
            "where all is idle, the node's last word was ReadyForQuery, outside a transaction");
    // One for the StartupMessage; a Sync inside a COPY, which begins with a CopyInResponse, may
    // have none.
    require(count(node, "Z") + count(node, "G") >= 1 + count(client, "QFS"),
            "where all is idle, everything was answered");
    require(count(client, "X") == 0, "a client that has said good-bye is not idle");
}

core::bytes key_of(const walked& node) {
    for (const auto& one : node.whole) {
        if (one.type == 'Z') {
            break;
        }
        if (one.type == 'K') {
            const bool fits = one.body.size() >= 8 && one.body.size() <= 260;
            return fits ? core::bytes(one.body.begin(), one.body.end()) : core::bytes{};
        }
    }
    return {};
}

void require_same(const pgwire::message_boundary& seen, const walked& side) {
    require(seen.at_boundary() == side.at_boundary, "a boundary is where a message ends");
    require(seen.last_type() == (side.whole.empty() ? 0 : side.whole.back().type),
            "the last message is the last that is whole");
}

/// A session as it is followed, once in whole turns and once in pieces.
class followed {
public:
    explicit followed(std::uint8_t seed) : cut_(seed) {}

    void say(bool by_client, core::bytes_view octets) {
        auto& stream = by_client ? client_ : node_;
        stream.insert(stream.end(), octets.begin(), octets.end());
        auto speak = [&](pgwire::conversation& to, core::bytes_view some) {
            by_client ? to.client_said(some) : to.node_said(some);
        };
        speak(whole_, octets);
        for (auto rest = octets; !rest.empty();) {
            speak(pieces_, cut_.next(rest));
        }
        compare();
    }

    core::bytes_view node() const { return node_; }

private:
    void compare() {
        const auto client = walk(client_);
        const auto node = walk(node_);
        for (const auto* each : {&whole_, &pieces_}) {
            require_same(each->client(), client);
            require_same(each->node(), node);
        }
        require(whole_.is_idle() == pieces_.is_idle(), "the cuts do not change who is idle");
        if (whole_.is_idle()) {
            require_idle(client, node);
        }
        compare_keys(node);
    }

    void compare_keys(const walked& node) {
        const auto key = whole_.take_cancel_key();
        require(pieces_.take_cancel_key() == key, "the cuts do not change the key");
        if (!key.empty()) {
            require(!key_taken_, "there is one key");
            key_taken_ = true;
            require(key == key_of(node), "the key is BackendKeyData's");
        }
        require(key_taken_ || key_of(node).empty(), "a key that came is there");
    }

    cutter cut_;
    core::bytes client_;
    core::bytes node_;
    pgwire::conversation whole_;
    pgwire::conversation pieces_;
    bool key_taken_ = false;
};

/// Sound in itself, and the same as what was judged of less.
void require_first_answer(core::bytes_view all) {
    std::optional<std::size_t> verdict;
    for (std::size_t size = 0; size <= std::min<std::size_t>(all.size(), 64); ++size) {
        const auto judged = pgwire::judge_first_answer(all.first(size));
        require(!verdict || *verdict == judged.index(), "what comes behind an answer changes none");
        if (!std::holds_alternative<pgwire::incomplete>(judged)) {
            verdict = judged.index();
        }
    }
    const auto judged = pgwire::judge_first_answer(all);
    require(!verdict || *verdict == judged.index(), "what comes behind an answer changes none");
    if (const auto* refused = std::get_if<pgwire::refused>(&judged)) {
        require(refused->sqlstate.size() == 5 && is_printable_ascii(refused->sqlstate) &&
                    refused->message.size() < pgwire::max_first_error &&
                    refused->message.find('\0') == std::string::npos,
                "a refusal has its SQLSTATE, and a text within bounds");
    }
    require(!std::holds_alternative<pgwire::incomplete>(judged) ||
                all.size() <= pgwire::max_first_error,
            "no more than a bound is held");
}

void require_ssl_answer(core::bytes_view all) {
    if (all.empty()) {
        return;
    }
    const bool accepted = pgwire::judge_ssl_answer(all) == pgwire::ssl_answer::accepted;
    require(accepted == (core::as_text(all) == "S"), "TLS begins behind a single 'S' alone");
}

std::string up_to_zero(std::string_view text) {
    return std::string(text.substr(0, text.find('\0')));
}

/// Texts of a stranger, as they may get into what a client is told.
void require_own_errors(core::bytes_view octets) {
    const auto text =
        std::string(core::as_text(octets.first(std::min<std::size_t>(octets.size(), 4000))));
    const pgwire::error_fields said{pgwire::sqlstate::node_rejected, text, text, text};
    const auto encoded = pgwire::encode_error_response(said);
    const auto read = walk(encoded);
    require(read.whole.size() == 1 && read.at_boundary, "an ErrorResponse is one message");
    const auto judged = pgwire::judge_first_answer(encoded);
    const auto* refused = std::get_if<pgwire::refused>(&judged);
    require(refused != nullptr && refused->sqlstate == said.sqlstate &&
                refused->message == up_to_zero(text),
            "an ErrorResponse is read as it was meant");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input from(data, size);
    followed session(from.octet());
    for (int turns = 0; !from.ended() && turns < 32; ++turns) {
        const bool by_client = (from.octet() & 1U) != 0;
        session.say(by_client, from.octets(from.number()));
    }
    require_first_answer(session.node());
    require_ssl_answer(session.node());
    require_own_errors(session.node());
    return 0;
}
