#pragma once

#include "support/fake_cockroach.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace roachpin::test {

/// The bytes of one connection, in the clear and then perhaps inside TLS, and how it ended. Lives
/// on the server's thread. One reader at a time; writers take turns.
class fake_transport {
public:
    using close_kind = fake_cockroach::close_kind;
    using tcp = boost::asio::ip::tcp;

    explicit fake_transport(tcp::socket socket);

    /// What the ClientHello said, and what came of the handshake.
    struct tls_facts {
        bool client_hello_seen = false;
        bool completed = false;
        std::string version;
        std::optional<std::string> sni;
        std::vector<std::string> alpn_offered;
        std::string alpn_selected;
        std::string client_subject; // RFC 2253
        std::string client_common_name;
    };

    /// Waits for the first byte and leaves it where it is; nothing: the connection ended.
    boost::asio::awaitable<std::optional<unsigned char>> peek();

    /// At least one byte; 0: the connection ended, see end().
    boost::asio::awaitable<std::size_t> read(std::span<char> into);

    /// All of it; false: the connection ended.
    boost::asio::awaitable<bool> write(std::string_view bytes);

    /// False: it failed, see end(). ALPN is never answered, except "h2" where that is offered.
    boost::asio::awaitable<bool> accept_tls(boost::asio::ssl::context& context, bool offer_http2);

    /// Has the next write preceded by a TLS 1.3 KeyUpdate that asks for one in return.
    void update_keys();

    /// The client sent something, or is gone.
    boost::asio::awaitable<void> wait_for_bytes();

    /// Sends the kind of end. After it reads return 0. The socket stays open for linger().
    boost::asio::awaitable<void> send_end(close_kind kind);

    /// After send_end: takes what the client still sends, for at most `limit`, so that the kernel
    /// does not turn our FIN into an RST; then closes.
    boost::asio::awaitable<void> linger(std::chrono::steady_clock::duration limit);

    /// Everything pending ends now, without a word to the client.
    void abort();

    /// A pending read returns 0.
    void cancel_reads();

    [[nodiscard]] bool is_tls() const { return facts_.completed; }

    [[nodiscard]] bool ended() const { return end_ != connection_end::open; }

    [[nodiscard]] connection_end end() const { return end_; }

    [[nodiscard]] const std::string& end_detail() const { return end_detail_; }

    [[nodiscard]] const tls_facts& facts() const { return facts_; }

    [[nodiscard]] tcp::socket& socket() { return socket_; }

    /// Installs the callbacks that a context must have to be given to accept_tls.
    static void prepare(boost::asio::ssl::context& context);

private:
    using tls_stream = boost::asio::ssl::stream<tcp::socket&>;

    void note_end(const boost::system::error_code& error);
    void note_end(connection_end end, std::string detail);
    static fake_transport& of(ssl_st* tls);
    static int choose_protocol(ssl_st* tls, const unsigned char** chosen, unsigned char* size,
                               const unsigned char* offered, unsigned offered_size, void*);
    void read_client_hello(ssl_st* tls);
    boost::asio::awaitable<void> take_turn();
    void pass_turn();

    tcp::socket socket_;
    std::optional<tls_stream> tls_;
    tls_facts facts_;
    connection_end end_ = connection_end::open;
    std::string end_detail_;
    bool end_sent_ = false;
    bool offers_http2_ = false;
    bool writing_ = false;
    boost::asio::steady_timer turn_; // never expires: a condition variable for coroutines
};

} // namespace roachpin::test
