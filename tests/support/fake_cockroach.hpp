#pragma once

#include "support/fake_behaviour.hpp"
#include "support/pg_messages.hpp"
#include "support/test_pki.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roachpin::test {

/// How long tests wait for what should be there at once; long enough for a sanitizer build on a
/// busy machine.
inline constexpr std::chrono::milliseconds default_patience{10'000};

enum class tls_version { v1_0, v1_1, v1_2, v1_3 };

enum class client_certificates {
    ignore,  // none is asked for
    request, // asked for, and verified when one is given: CockroachDB's way
    require, // the handshake fails without one
};

struct fake_cockroach_options {
    identity server;                // key and certificates presented
    behaviour plays = {};           // see fake_behaviour.hpp
    std::string bind = "127.0.0.1"; // an IP literal
    std::uint16_t port = 0;         // 0: the kernel chooses, see fake_cockroach::port

    // OpenSSL's security level is 0 here: weak keys and old protocols are the client's to refuse.
    tls_version min_tls = tls_version::v1_2;
    tls_version max_tls = tls_version::v1_3;
    client_certificates client_policy = client_certificates::request;
    std::string client_ca_pem; // with request and require

    /// TLS 1.3 session tickets per handshake. CockroachDB never resumes for SQL clients, yet a
    /// client has to cope with messages after the handshake.
    unsigned session_tickets = 0;

    /// Sends a TLS 1.3 KeyUpdate (asking for one in return) each time so many bytes were written
    /// in raw_echo and raw_flood; 0: never.
    std::uint64_t key_update_every = 0;

    std::optional<std::string> password; // unset: trust; set: cleartext password, else 28P01

    std::uint64_t flood_bytes = 1 << 20; // raw_flood

    /// Raw session modes start after a complete login (as a real client and proxy expect); false:
    /// right after the StartupMessage, with not one byte answered to it.
    bool login_before_raw = true;

    /// ssl_answer::accept_and_extra: what is pushed behind the `S` in the same segment. The default
    /// is the attack of CVE-2021-23222: an AuthenticationOk in the clear.
    std::string extra_bytes = encode_message('R', encode_u32(0));

    /// The instance that its cancel keys name (11 bits).
    std::uint32_t sql_instance_id = 1;

    /// Stored bytes per field and connection; everything is counted.
    std::size_t stored_bytes_cap = 64 * 1024;

    /// Called on the server's thread, once for each connection that ended.
    std::function<void(const struct connection_record&)> on_finished = {};
};

/// How the *client's* side of a connection ended, or that it was us.
enum class connection_end {
    open,             // not yet
    close_notify,     // the client closed TLS properly
    eof,              // FIN: in the clear, or inside TLS without close_notify (truncation)
    reset,            // RST
    handshake_failed, // TLS: a client that refuses our certificate sends an alert
    tls_error,        // a fatal alert or a broken record after the handshake
    closed_by_server, // the behaviour, close_all or the destructor did it
};

[[nodiscard]] std::string_view to_string(connection_end end);

/// What was seen of one connection. All counts are of bytes received, unless they say otherwise.
struct connection_record {
    std::uint64_t id = 0; // 1, 2, … in order of acceptance
    std::string peer;     // "127.0.0.1:40404"

    /// In the clear, without TLS records: the SSLRequest, and nothing else, is right.
    std::string before_tls;
    std::uint64_t before_tls_count = 0;

    /// What came raw when the handshake was never answered (fault after client_hello).
    std::string handshake_bytes;
    std::uint64_t handshake_count = 0;

    bool direct_tls = false; // the first byte was a TLS ClientHello
    bool client_hello_seen = false;
    bool tls_completed = false;
    std::string tls_version; // "TLSv1.3"
    std::optional<std::string> sni;
    std::vector<std::string> alpn_offered;
    std::string alpn_selected;
    std::string client_certificate_subject; // RFC 2253; empty: none presented

    std::string plaintext; // inside TLS; to an insecure node: behind the StartupMessage
    std::uint64_t plaintext_count = 0;

    std::uint32_t startup_version = 0; // 0: no StartupMessage came
    parameter_map startup;
    std::string password;                    // as received, under the password option
    bool logged_in = false;                  // ReadyForQuery was sent
    std::uint64_t backend_key = 0;           // 0: none was sent
    std::optional<std::uint64_t> cancel_key; // this connection was a CancelRequest
    std::vector<std::string> queries;        // capped like the bytes

    std::uint64_t raw_received = 0; // after the login, in the raw modes
    std::string raw_sha256;         // hexadecimal, of those
    std::uint64_t raw_sent = 0;     // flood or echo, as handed to the kernel

    connection_end end = connection_end::open;
    std::string end_detail; // the error's or the TLS alert's text

    [[nodiscard]] bool finished() const { return end != connection_end::open; }

    /// Whether `needle` is anywhere in what the client sent, outside or inside TLS.
    [[nodiscard]] bool received(std::string_view needle) const;
};

/// A CockroachDB node, or something that pretends to be one, on its own thread.
///
/// The constructor listens (throws std::exception when it cannot); the destructor closes
/// everything and joins. All members may be called from any thread but the server's own; records
/// are copies. None of them sleeps: waiting is done on a condition variable and returns false when
/// the time is over.
class fake_cockroach {
public:
    explicit fake_cockroach(fake_cockroach_options options);
    ~fake_cockroach();

    fake_cockroach(const fake_cockroach&) = delete;
    fake_cockroach& operator=(const fake_cockroach&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::string address() const; // "127.0.0.1:34567", "[::1]:34567"

    // Observing.
    using records = std::vector<connection_record>; // in order of acceptance
    [[nodiscard]] std::size_t connections() const;  // accepted so far
    [[nodiscard]] std::size_t open_connections() const;
    [[nodiscard]] records all() const;
    [[nodiscard]] connection_record record(std::uint64_t id) const; // throws std::out_of_range

    bool wait_for_connections(std::size_t count,
                              std::chrono::milliseconds patience = default_patience) const;
    bool wait_for_finished(std::size_t count,
                           std::chrono::milliseconds patience = default_patience) const;

    /// Runs `done` under the records' lock after every change; it must not call back in here.
    bool wait_until(const std::function<bool(const records&)>& done,
                    std::chrono::milliseconds patience = default_patience) const;

    // Acting. Each returns when the server's thread has done it, or has begun to where it sends.
    enum class close_kind {
        clean,  // close_notify, then FIN
        abrupt, // FIN without close_notify
        reset,  // RST
    };
    void close_all(close_kind kind);
    void close(std::uint64_t id, close_kind kind); // nothing, where that one has ended

    /// An ErrorResponse to every logged-in session, then a clean close: what a drain does (57P01).
    void terminate_sessions(const error_fields& error);

    /// What a drain does, until `play` is called: 57P01 to sessions as they become idle, and to
    /// those that begin, on whatever connection.
    void drain();

    /// Bytes to every logged-in session, as they are.
    void send_to_sessions(std::string bytes);

    /// Bytes to every connection that is inside TLS and has not logged in.
    void send_to_waiting(std::string bytes);

    /// session_mode::stop_reading: reads on (counting and hashing), now and in later connections.
    /// Statements that sleep now are answered.
    void resume();

    /// For connections accepted from now on.
    void play(behaviour plays); // and a drain ends
    void present(identity server);

    /// Closes and reopens the listening port; the same port number. Connections live on.
    void stop_listening();
    void start_listening();

private:
    class implementation;
    std::unique_ptr<implementation> implementation_;
};

/// The flood's bytes: position decides the value, so that any loss, repetition or reordering shows.
[[nodiscard]] std::string flood_pattern(std::uint64_t offset, std::size_t size);

/// SHA-256 in hexadecimal, to compare with connection_record::raw_sha256.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

} // namespace roachpin::test
