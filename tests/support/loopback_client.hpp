#pragma once

#include "support/pg_messages.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roachpin::test {

/// Why a call on a loopback_client did not do what it says.
enum class client_failure {
    timeout,
    eof,          // FIN; inside TLS: without close_notify
    close_notify, // TLS closed properly
    reset,        // RST, or writing to what is closed
    refused,      // connect() failed
    tls,          // handshake or record failure; the text has OpenSSL's words and the alert
    protocol,     // a PostgreSQL message that was not expected
};

class client_error : public std::runtime_error {
public:
    client_error(client_failure why, const std::string& text)
        : std::runtime_error{text}, why_{why} {}

    [[nodiscard]] client_failure why() const { return why_; }

private:
    client_failure why_;
};

struct tls_client_options {
    std::string ca_pem;      // empty: the peer's certificate is not verified
    std::string sni;         // empty: none is sent
    std::string verify_name; // a DNS name or IP the certificate must carry; empty: not checked
    std::vector<std::string> alpn;
    std::string certificate_pem; // leaf first, then intermediates
    std::string private_key_pem;
    bool tls_1_2_only = false;
};

/// A blocking client with a deadline on every call, for component tests. Not for several threads at
/// once. Movable. Every failure is a client_error, so that a test cannot overlook one.
class loopback_client {
public:
    using milliseconds = std::chrono::milliseconds;

    static loopback_client connect_tcp(const std::string& address, std::uint16_t port,
                                       milliseconds patience = milliseconds{10'000});
    static loopback_client connect_unix(const std::string& path,
                                        milliseconds patience = milliseconds{10'000});

    loopback_client(loopback_client&&) noexcept;
    loopback_client& operator=(loopback_client&&) noexcept;
    ~loopback_client(); // closes the socket, without close_notify

    /// For each single call from now on.
    void set_patience(milliseconds patience);

    // Bytes: plain until start_tls, inside TLS from then on.
    void send(std::string_view bytes);
    [[nodiscard]] std::string read_exactly(std::size_t size);
    [[nodiscard]] std::string read_some(std::size_t at_most = 65536); // at least one byte

    /// Everything up to the end, which must be eof or close_notify: `ended_by` tells which.
    [[nodiscard]] std::string read_until_end();
    [[nodiscard]] std::optional<client_failure> ended_by() const;

    /// Whether nothing at all, not even an end, comes within `span`.
    [[nodiscard]] bool stays_silent_for(milliseconds span);

    /// The end, however it comes; std::nullopt when bytes come, or nothing within the patience.
    [[nodiscard]] std::optional<client_failure> wait_for_end();

    // Ends.
    void half_close();        // close_notify inside TLS, then FIN; plain: FIN. Reading goes on.
    void close_notify_only(); // TLS: close_notify and no FIN
    void close();
    void reset(); // RST

    // TLS, right away (direct TLS) or after request_tls.
    void start_tls(const tls_client_options& options);
    [[nodiscard]] bool is_tls() const;
    [[nodiscard]] std::string tls_version() const;
    [[nodiscard]] std::string alpn_selected() const;
    [[nodiscard]] std::string peer_certificate_pem() const;

    // PostgreSQL.
    [[nodiscard]] char request_tls(); // sends SSLRequest, returns the one byte answered
    [[nodiscard]] pg_message read_message();
    [[nodiscard]] error_fields read_error(); // the next message, which must be an ErrorResponse

    struct login_result {
        parameter_map parameters;              // ParameterStatus
        std::uint64_t backend_key = 0;         // 0: none came
        std::optional<std::string> negotiated; // body of NegotiateProtocolVersion
    };

    /// StartupMessage up to ReadyForQuery; an ErrorResponse becomes server_refusal.
    login_result login(const parameter_map& startup, std::uint32_t version = protocol_3_0,
                       const std::string& password = {});

    /// One simple query; the first column of all rows. An ErrorResponse becomes server_refusal.
    [[nodiscard]] std::vector<std::string> query(std::string_view sql);

    [[nodiscard]] int native_handle() const;

private:
    struct state;
    explicit loopback_client(std::unique_ptr<state> connected);
    std::unique_ptr<state> state_;
};

/// The server said no with an ErrorResponse.
class server_refusal : public std::runtime_error {
public:
    explicit server_refusal(error_fields fields)
        : std::runtime_error{fields.code + ": " + fields.message}, fields_{std::move(fields)} {}

    [[nodiscard]] const error_fields& fields() const { return fields_; }

private:
    error_fields fields_;
};

} // namespace roachpin::test
