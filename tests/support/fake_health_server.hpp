#pragma once

#include "support/test_pki.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace roachpin::test {

struct fake_health_options {
    identity server;
    /// Sent as it is to the first request of each connection, which is then closed. Empty: nothing
    /// is ever answered.
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Content-Length: 2\r\n\r\n{}";
    bool tls = true;              // false: plain HTTP, which answers whatever comes first
    unsigned session_tickets = 2; // TLS 1.3, as a Go server
};

/// What listens at a node's HTTP port, on its own thread and at a loopback port of its own. The
/// destructor closes everything and joins.
class fake_health_server {
public:
    explicit fake_health_server(fake_health_options options);
    ~fake_health_server();

    fake_health_server(const fake_health_server&) = delete;
    fake_health_server& operator=(const fake_health_server&) = delete;

    [[nodiscard]] std::uint16_t port() const;

    /// What the last connection has sent so far, inside TLS where that is spoken.
    [[nodiscard]] std::string request() const;

private:
    class implementation;
    std::unique_ptr<implementation> implementation_;
};

} // namespace roachpin::test
