#pragma once

#include "core/event_sink.hpp"
#include "core/host_name.hpp"
#include "net/validator.hpp"
#include "tls/upstream_context.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace roachpin::net {

enum class dns_transport { udp, tcp, tls };

struct dns_server {
    std::string name; ///< as configured, for logs
    dns_transport transport = dns_transport::tcp;
    core::endpoint where;
    std::optional<core::host_name> tls_name{}; ///< of tls
};

struct resolver_options {
    std::vector<dns_server> servers;
    core::duration timeout = std::chrono::seconds(2); ///< of each try
    policy::dnssec_mode dnssec = policy::dnssec_mode::off;
    std::string trust_anchor{};                   ///< a file; of dnssec_mode::validate
    std::optional<tls::upstream_context> roots{}; ///< of tls servers
};

/// Asks the configured servers, and nobody else. What came over UDP and is not a whole, well-formed
/// reply to the very query is an event (dns_reply_refused) and asked again over TCP. Datagrams that
/// are no answer at all are one event for each query, also where the answer came after them.
///
/// Control thread. Questions hold references: it must outlive them.
class resolver {
public:
    /// Throws std::runtime_error where a library does not take the options.
    resolver(executor where, resolver_options options, core::event_source& events);
    resolver(const resolver&) = delete;
    resolver& operator=(const resolver&) = delete;
    ~resolver() = default;

    const std::vector<dns_server>& servers() const { return options_.servers; }

    /// Asks one server, given by its place.
    awaitable<asked> ask(std::size_t server, dns::question what);

private:
    awaitable<asked> ask_validator(std::size_t server, dns::question what);
    awaitable<asked> ask_plain(const dns_server& server, dns::question what);
    awaitable<asked> try_once(const dns_server& server, dns_transport by, dns::question what);
    void note_refused(const dns_server& server, const dns::question& what, std::string_view reason,
                      std::string sentence, std::size_t number = 1);

    resolver_options options_;
    core::event_source& events_;
    std::vector<std::unique_ptr<validator>> validators_; ///< one for each server, where validating
};

} // namespace roachpin::net
