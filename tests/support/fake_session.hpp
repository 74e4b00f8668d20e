#pragma once

#include "support/fake_transport.hpp"
#include "support/record_book.hpp"
#include "support/running_hash.hpp"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace roachpin::test {

class fake_session;

/// What the sessions of one server share; touched by the server's thread only.
struct fake_world {
    const fake_cockroach_options& options;
    record_book& book;
    bool reading_resumed = false;
    bool draining = false;
    std::unordered_map<std::uint64_t, fake_session*> by_backend_key = {};
};

/// The script of one connection, from the first byte to the end. Everything it is told to do from
/// outside happens on the server's thread too.
class fake_session {
public:
    fake_session(fake_transport::tcp::socket socket, std::uint64_t id, fake_world& world,
                 behaviour plays, std::shared_ptr<boost::asio::ssl::context> context);

    fake_session(const fake_session&) = delete;
    fake_session& operator=(const fake_session&) = delete;

    /// Plays the script; afterwards the record is final.
    boost::asio::awaitable<void> run();

    // From outside, while run() is under way; the caller keeps the session alive.
    boost::asio::awaitable<void> close(fake_cockroach::close_kind kind);
    boost::asio::awaitable<void> terminate(std::string error);
    boost::asio::awaitable<void> push(std::string bytes);

    /// terminate, once neither a statement nor a transaction is under way.
    boost::asio::awaitable<void> terminate_when_idle(std::string error);

    void wake();         // looks again whether reading was resumed
    void cancel_query(); // what a CancelRequest with our key does
    void abort();

    [[nodiscard]] bool logged_in() const { return logged_in_; }

    [[nodiscard]] bool is_tls() const { return transport_.is_tls(); }

private:
    /// An untyped message: StartupMessage, or one of the requests that look like one.
    struct opening_packet {
        std::uint32_t code = 0;
        std::string body; // behind the code
    };

    boost::asio::awaitable<void> converse();
    boost::asio::awaitable<void> converse_in_the_clear();
    boost::asio::awaitable<bool> answer_ssl_request();
    boost::asio::awaitable<bool> enter_tls(bool offer_http2);
    boost::asio::awaitable<void> play_rpc_port();
    boost::asio::awaitable<void> converse_inside_tls();
    boost::asio::awaitable<void> serve(opening_packet startup);
    boost::asio::awaitable<bool> agree_on_version(std::uint32_t version,
                                                  const parameter_map& parameters);
    boost::asio::awaitable<bool> log_in(const parameter_map& parameters);
    boost::asio::awaitable<bool> authenticate(const parameter_map& parameters);
    boost::asio::awaitable<bool> welcome();

    boost::asio::awaitable<void> sql();
    boost::asio::awaitable<void> answer_query(std::string text);
    boost::asio::awaitable<bool> sleep_in_query();
    boost::asio::awaitable<void> raw_echo();
    boost::asio::awaitable<void> raw_flood();
    boost::asio::awaitable<void> raw_sink();
    boost::asio::awaitable<void> wait_for_resume();

    boost::asio::awaitable<void> refuse(std::string_view code, std::string message);
    boost::asio::awaitable<void> strike(fault_kind kind);
    boost::asio::awaitable<void> swallow();
    boost::asio::awaitable<void> read_client_hello_unanswered();
    [[nodiscard]] bool strikes_after(session_step step) const;

    boost::asio::awaitable<std::optional<opening_packet>> read_opening();
    boost::asio::awaitable<std::optional<pg_message>> read_message();
    boost::asio::awaitable<bool> read_more();
    boost::asio::awaitable<bool> fill_to(std::size_t size);
    boost::asio::awaitable<bool> send(std::string bytes);
    boost::asio::awaitable<bool> send_raw(std::string_view bytes);

    std::string begin_raw();
    void hash_raw(std::string_view bytes);
    void store(std::string_view bytes);
    void cancel_request_arrived(std::string_view body);

    template <class Change>
    void record(const Change& change) {
        world_.book.update(id_, change);
    }

    /// Where the bytes that come are counted.
    enum class phase { before_tls, handshake, plaintext, raw };

    fake_transport transport_;
    std::uint64_t id_;
    fake_world& world_;
    behaviour plays_;
    std::shared_ptr<boost::asio::ssl::context> context_;
    std::vector<char> scratch_;
    std::string buffered_; // read, not yet understood
    phase phase_ = phase::before_tls;
    bool logged_in_ = false;
    bool query_cancelled_ = false;
    bool in_query_ = false;
    std::string last_words_; // to be said when nothing is under way
    char transaction_status_ = 'I';
    std::uint64_t backend_key_ = 0;
    std::uint64_t until_key_update_ = 0;
    running_hash raw_hash_;
    boost::asio::steady_timer woken_; // resume, a cancelled query
};

} // namespace roachpin::test
