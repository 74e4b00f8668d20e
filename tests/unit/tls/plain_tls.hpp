#pragma once

#include "support/test_pki.hpp"
#include "tls/handles.hpp"

#include <optional>
#include <string>
#include <vector>

namespace roachpin::test {

/// Two ends of a connection that never block. Closed where they still are open.
class socket_pair {
public:
    socket_pair();
    socket_pair(const socket_pair&) = delete;
    socket_pair& operator=(const socket_pair&) = delete;

    ~socket_pair() {
        close_ours();
        close_theirs();
    }

    int ours() const { return ours_; } ///< the end the code under test is given

    int theirs() const { return theirs_; } ///< the end the test plays

    void close_ours();
    void close_theirs();

    void send(const std::string& octets) const; ///< from their end
    std::string received() const;               ///< what lies at their end

private:
    int ours_ = -1;
    int theirs_ = -1;
};

struct plain_options {
    identity presents{}; ///< nothing where it is empty
    int min_version = TLS1_VERSION;
    int max_version = TLS1_3_VERSION;
    std::string ciphers = "ALL:@SECLEVEL=0"; ///< of TLS 1.2 and below
    bool small_dh = false;                   ///< a server's DHE group has 1024 bits
    bool asks_for_certificate = false;       ///< a server's question to its client
    std::string alpn{};                      ///< what a client offers, each with its length
};

/// The test's end of a TLS connection: OpenSSL by itself, at security level 0, which takes whatever
/// it is shown and keeps a record of what it heard.
class plain_tls {
public:
    enum class role { client, server };

    plain_tls(role plays, const plain_options& options, int fd);
    plain_tls(const plain_tls&) = delete;
    plain_tls& operator=(const plain_tls&) = delete;
    ~plain_tls() = default;

    /// Goes on with the handshake as far as the socket allows.
    void advance();

    bool established() const { return established_; }

    /// The handshake messages that came, by their type (RFC 8446 section 4).
    const std::vector<int>& heard() const { return heard_; }

    /// The last alert that came (RFC 8446 section 6).
    std::optional<int> alert() const { return alert_; }

    /// The subject of the certificate the other side showed.
    std::string peer_subject() const;

    /// The server_name a client sent.
    std::optional<std::string> sni() const { return sni_; }

    /// The protocol a server chose.
    std::string alpn() const;

    SSL* get() const { return tls_.get(); }

private:
    static void note_message(int sent, int version, int type, const void* octets, std::size_t size,
                             SSL*, void* self);
    static int note_hello(SSL* tls, int* alert, void* self);

    tls::ssl_ctx_ptr context_;
    tls::ssl_ptr tls_;
    bool established_ = false;
    std::vector<int> heard_;
    std::optional<int> alert_;
    std::optional<std::string> sni_;
};

} // namespace roachpin::test
