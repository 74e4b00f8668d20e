#include "net/examine.hpp"

#include "core/printable.hpp"
#include "net/deadline.hpp"
#include "net/write_all.hpp"
#include "pgwire/first_answer.hpp"
#include "pgwire/integers.hpp"

#include <algorithm>
#include <array>
#include <memory>

namespace roachpin::net {
namespace {

constexpr std::uint32_t protocol_3_0 = 196608;

/// Source: PostgreSQL, "Message Formats": StartupMessage. The parameters of 3.0, which every
/// release understands.
core::bytes startup_message() {
    using namespace std::string_view_literals;
    constexpr auto parameters = "user\0roachpin_check\0application_name\0roachpin check\0\0"sv;
    constexpr auto header = 2 * sizeof(std::uint32_t);
    core::bytes message(header + parameters.size());
    std::copy(parameters.begin(), parameters.end(), message.begin() + header);
    pgwire::store_uint32(static_cast<std::uint32_t>(message.size()), message.data());
    pgwire::store_uint32(protocol_3_0, message.data() + sizeof(std::uint32_t));
    return message;
}

first_word no_answer(std::string sentence) {
    return {false, {}, std::move(sentence)};
}

first_word word_of(const pgwire::refused& error) {
    const bool is_away = pgwire::is_another_nodes_chance(error.sqlstate);
    return {!is_away, error.sqlstate,
            "the node answered " + error.sqlstate +
                (error.message.empty() ? "" : ": " + core::printable(error.message))};
}

/// What a node has sent so far.
class listening {
public:
    /// What it said, once that is certain; otherwise what to wait for.
    std::variant<first_word, io_status> hear(byte_stream& node) {
        while (true) {
            std::array<std::uint8_t, 512> octets{};
            const auto got = node.read_some(octets);
            if (is_blocked(got.status)) {
                return got.status;
            }
            if (got.status != io_status::ok) {
                return no_answer("the node closed the connection in place of an answer");
            }
            heard_.insert(heard_.end(), octets.begin(),
                          octets.begin() + static_cast<std::ptrdiff_t>(got.size));
            const auto judged = pgwire::judge_first_answer(heard_);
            if (std::holds_alternative<pgwire::answered>(judged)) {
                return first_word{true, {}, "the node goes on with the login"};
            }
            if (const auto* refused = std::get_if<pgwire::refused>(&judged)) {
                return word_of(*refused);
            }
        }
    }

private:
    core::bytes heard_; // bounded: an announced length beyond max_first_error is an answer
};

awaitable<first_word> ask(byte_stream& node) {
    const auto question = startup_message();
    const bool written = co_await write_all(node, question);
    if (!written) {
        co_return no_answer("the node closed the connection in place of an answer");
    }
    const auto heard = std::make_unique<listening>();
    while (true) {
        auto now = heard->hear(node);
        if (auto* said = std::get_if<first_word>(&now)) {
            co_return std::move(*said);
        }
        const auto [failed] = co_await node.wait(std::get<io_status>(now));
        if (failed) {
            co_return no_answer("the connection broke: " + failed.message());
        }
    }
}

} // namespace

awaitable<examination> examine(policy::candidate to, const tls::upstream_context& context,
                               core::time_point dial_deadline, core::duration patience) {
    const auto target = to.target;
    const keepalive_options keepalive;
    auto node = co_await dial(std::move(to), context, keepalive, dial_deadline);
    if (!node) {
        co_return node.error();
    }
    auto proved = tls::facts_of(*node->tls(), target->host);
    auto said = co_await with_deadline(ask(node->bytes()), core::clock::now() + patience);
    if (!said) {
        said = no_answer("no answer to a StartupMessage within timeouts.dial");
    }
    node->bytes().close_sending();
    examined made{std::move(proved), std::move(*said)};
    co_return made;
}

} // namespace roachpin::net
