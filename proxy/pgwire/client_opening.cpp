#include "pgwire/client_opening.hpp"

namespace roachpin::pgwire {
namespace {

constexpr std::size_t request_size = 8;

} // namespace

opening_step client_opening::feed(core::bytes_view octets) {
    heard_ += octets.size();
    held_.insert(held_.end(), octets.begin(), octets.end());
    return held_.size() <= max_first_packet
               ? judge()
               : opening::refuse{"more octets than an opening may have"};
}

opening_step client_opening::tls_established(bool alpn) {
    stage_ = stage::encrypted;
    if (direct_ && !alpn) {
        return opening::refuse{"direct TLS without ALPN \"postgresql\""};
    }
    return opening::read{};
}

opening_step client_opening::judge() {
    auto packet = parse_first_packet(held_);
    if (std::holds_alternative<incomplete>(packet.kind)) {
        return opening::read{}; // a packet of 10,000 octets is whole when they are there
    }
    if (const auto* fault = std::get_if<malformed>(&packet.kind)) {
        return opening::refuse{fault->sentence};
    }
    if (auto* message = std::get_if<startup_message>(&packet.kind)) {
        return opening::startup{std::move(*message), std::move(held_)};
    }
    if (auto* cancel = std::get_if<cancel_request>(&packet.kind)) {
        return opening::cancel{std::move(cancel->packet)};
    }
    if (std::holds_alternative<tls_client_hello>(packet.kind)) {
        return on(tls_client_hello{});
    }
    if (held_.size() > request_size) {
        return opening::refuse{"octets came behind an encryption request, before its answer"};
    }
    held_.clear();
    return std::holds_alternative<ssl_request>(packet.kind) ? on(ssl_request{})
                                                            : on(gssenc_request{});
}

opening_step client_opening::on(ssl_request) {
    if (ssl_seen_ || stage_ != stage::plain) {
        return opening::refuse{"a second SSLRequest"};
    }
    ssl_seen_ = true;
    switch (mode_) {
    case opening_mode::clear:
        return opening::decline_encryption{};
    case opening_mode::tls:
        stage_ = stage::handshaking;
        return opening::start_tls{.direct = false};
    case opening_mode::passthrough:
        break;
    }
    return opening::pass_through{};
}

opening_step client_opening::on(gssenc_request) {
    if (gssenc_seen_ || stage_ != stage::plain) {
        return opening::refuse{"a second GSSENCRequest, or one inside TLS"};
    }
    gssenc_seen_ = true;
    return opening::decline_encryption{};
}

opening_step client_opening::on(tls_client_hello) {
    if (stage_ != stage::plain || ssl_seen_ || gssenc_seen_) {
        return opening::refuse{"a TLS ClientHello where a StartupMessage was due", false};
    }
    switch (mode_) {
    case opening_mode::clear:
        return opening::refuse{"direct TLS to a listener without a certificate", false};
    case opening_mode::tls:
        direct_ = true;
        held_.clear();
        stage_ = stage::handshaking;
        return opening::start_tls{.direct = true};
    case opening_mode::passthrough:
        break;
    }
    // A node would take it for one of its own kind: it is told by the first octet, not by ALPN.
    return opening::refuse{"direct TLS through to a node, which takes it for its RPC port; "
                           "connect with sslnegotiation=postgres",
                           false};
}

} // namespace roachpin::pgwire
