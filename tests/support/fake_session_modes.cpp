#include "support/fake_replies.hpp"
#include "support/fake_session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cctype>
#include <utility>

// What a session does after its login: SQL, or bytes for splice tests.

namespace roachpin::test {

namespace asio = boost::asio;
using close_kind = fake_cockroach::close_kind;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t flood_chunk = 64 * 1024;

std::string first_word(std::string_view sql) {
    std::string word;
    for (const char letter : sql) {
        if (std::isalpha(static_cast<unsigned char>(letter)))
            word += static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
        else if (!word.empty())
            break;
    }
    return word;
}

} // namespace

asio::awaitable<void> fake_session::sql() {
    // Errors in the extended protocol are answered once, then all is skipped up to the Sync.
    const auto not_played =
        encode_error({"ERROR", "0A000", "this fake node speaks the simple protocol only", {}, {}});
    bool skipping_to_sync = false;
    for (;;) {
        auto message = co_await read_message();
        if (!message || message->type == 'X')
            co_return;
        if (message->type == 'Q') {
            if (message->body.ends_with('\0'))
                message->body.pop_back();
            in_query_ = true;
            co_await answer_query(std::move(message->body));
            in_query_ = false;
            if (!last_words_.empty() && transaction_status_ == 'I')
                co_return co_await terminate(last_words_);
        } else if (message->type == 'S') {
            skipping_to_sync = false;
            co_await send(ready_for_query(transaction_status_));
        } else if (!std::exchange(skipping_to_sync, true)) {
            co_await send(not_played);
        }
    }
}

asio::awaitable<void> fake_session::answer_query(std::string text) {
    record([&](connection_record& seen) {
        if (seen.queries.size() < 1000)
            seen.queries.push_back(text.substr(0, world_.options.stored_bytes_cap));
    });

    // Drivers insist that these return no rows, and read the transaction status.
    const auto word = first_word(text);
    std::string answer;
    if (word.empty()) {
        answer = encode_message('I');
    } else if (word == "BEGIN" || word == "START") {
        transaction_status_ = 'T';
        answer = command_complete("BEGIN");
    } else if (word == "COMMIT" || word == "ROLLBACK") {
        transaction_status_ = 'I';
        answer = command_complete(word);
    } else if (word == "SET" || word == "DISCARD" || word == "DEALLOCATE") {
        answer = command_complete(word);
    } else {
        bool cancelled = false;
        if (text.find("pg_sleep(") != std::string::npos)
            cancelled = co_await sleep_in_query();
        answer = cancelled ? encode_error({"ERROR", "57014", "query execution canceled", {}, {}})
                           : text_row(text);
    }
    answer += ready_for_query(transaction_status_);
    co_await send(std::move(answer));
}

/// Any pg_sleep lasts until it is cancelled (true) or the client speaks or is gone: tests do not
/// wait for clocks.
asio::awaitable<bool> fake_session::sleep_in_query() {
    using namespace asio::experimental::awaitable_operators;
    query_cancelled_ = false;
    co_await (woken_.async_wait(as_result) || transport_.wait_for_bytes());
    co_return query_cancelled_;
}

asio::awaitable<void> fake_session::raw_echo() {
    auto bytes = begin_raw();
    for (;;) {
        co_await send_raw(bytes);
        const auto size = co_await transport_.read(scratch_);
        if (size == 0)
            co_return;
        bytes.assign(scratch_.data(), size);
        store(bytes);
    }
}

asio::awaitable<void> fake_session::raw_flood() {
    using namespace asio::experimental::awaitable_operators;
    auto flood = [](fake_session& self) -> asio::awaitable<void> {
        const auto total = self.world_.options.flood_bytes;
        for (std::uint64_t sent = 0; sent < total;) {
            const auto size =
                static_cast<std::size_t>(std::min<std::uint64_t>(flood_chunk, total - sent));
            const auto chunk = flood_pattern(sent, size);
            const bool sent_it = co_await self.send_raw(chunk);
            if (!sent_it)
                co_return;
            sent += size;
        }
        co_await self.transport_.send_end(close_kind::clean);
        self.transport_.cancel_reads();
    };
    co_await (flood(*this) && raw_sink());
}

asio::awaitable<void> fake_session::raw_sink() {
    begin_raw();
    for (;;) {
        const auto size = co_await transport_.read(scratch_);
        if (size == 0)
            co_return;
        store({scratch_.data(), size});
    }
}

asio::awaitable<void> fake_session::wait_for_resume() {
    while (!world_.reading_resumed && !transport_.ended())
        co_await woken_.async_wait(as_result);
}

asio::awaitable<bool> fake_session::send_raw(std::string_view bytes) {
    if (const auto every = world_.options.key_update_every; every > 0) {
        if (until_key_update_ < bytes.size()) {
            transport_.update_keys();
            until_key_update_ = every;
        }
        until_key_update_ -= std::min<std::uint64_t>(until_key_update_, bytes.size());
    }
    const bool sent = co_await transport_.write(bytes);
    if (sent)
        record([&](connection_record& seen) { seen.raw_sent += bytes.size(); });
    co_return sent;
}

/// From here on bytes are the test's, and hashed. Returns those that came early.
std::string fake_session::begin_raw() {
    phase_ = phase::raw;
    auto early = std::exchange(buffered_, {});
    hash_raw(early); // they were counted when they came
    return early;
}

void fake_session::hash_raw(std::string_view bytes) {
    raw_hash_.add(bytes);
    record([&](connection_record& seen) {
        seen.raw_received += bytes.size();
        seen.raw_sha256 = raw_hash_.hexadecimal();
    });
}

} // namespace roachpin::test
