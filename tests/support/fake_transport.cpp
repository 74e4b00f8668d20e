#include "support/fake_transport.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

namespace roachpin::test {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// Asio keeps SSL's app_data for itself.
int transport_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

std::string_view extension_of(SSL* tls, unsigned type, bool& present) {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    present = SSL_client_hello_get0_ext(tls, type, &data, &size) == 1;
    return present ? std::string_view{reinterpret_cast<const char*>(data), size}
                   : std::string_view{};
}

std::size_t byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes.at(at));
}

std::string subject_text(X509_NAME* name) {
    BIO* const memory = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    std::string text{data, static_cast<std::size_t>(size)};
    BIO_free(memory);
    return text;
}

std::string common_name(X509_NAME* name) {
    std::array<char, 256> text{};
    const int size =
        X509_NAME_get_text_by_NID(name, NID_commonName, text.data(), static_cast<int>(text.size()));
    return size < 0 ? std::string{} : std::string{text.data(), static_cast<std::size_t>(size)};
}

} // namespace

fake_transport::fake_transport(tcp::socket socket)
    : socket_{std::move(socket)}, turn_{socket_.get_executor(),
                                        asio::steady_timer::time_point::max()} {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay{true}, ignored);
}

asio::awaitable<std::optional<unsigned char>> fake_transport::peek() {
    const auto [wait_error] = co_await socket_.async_wait(tcp::socket::wait_read, as_result);
    if (wait_error) {
        note_end(wait_error);
        co_return std::nullopt;
    }
    unsigned char byte = 0;
    error_code error;
    socket_.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, error);
    if (error) {
        note_end(error);
        co_return std::nullopt;
    }
    co_return byte;
}

asio::awaitable<std::size_t> fake_transport::read(std::span<char> into) {
    if (ended())
        co_return 0;
    error_code error;
    std::size_t size = 0;
    const asio::mutable_buffer buffer{into.data(), into.size()};
    if (is_tls())
        std::tie(error, size) = co_await tls_->async_read_some(buffer, as_result);
    else
        std::tie(error, size) = co_await socket_.async_read_some(buffer, as_result);
    if (error)
        note_end(error);
    co_return error || end_sent_ ? 0 : size;
}

asio::awaitable<bool> fake_transport::write(std::string_view bytes) {
    co_await take_turn();
    error_code error;
    const asio::const_buffer buffer{bytes.data(), bytes.size()};
    // A client that closed its direction may still read: only our own end, or an error, stops us.
    if (end_sent_)
        error = asio::error::operation_aborted;
    else if (is_tls())
        std::tie(error, std::ignore) = co_await asio::async_write(*tls_, buffer, as_result);
    else
        std::tie(error, std::ignore) = co_await asio::async_write(socket_, buffer, as_result);
    pass_turn();
    if (error)
        note_end(error);
    co_return !error;
}

asio::awaitable<bool> fake_transport::accept_tls(asio::ssl::context& context, bool offer_http2) {
    offers_http2_ = offer_http2;
    tls_.emplace(socket_, context);
    SSL_set_ex_data(tls_->native_handle(), transport_index(), this);
    const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, as_result);
    if (error) {
        const bool by_tls = error.category() == asio::error::get_ssl_category();
        if (by_tls)
            note_end(connection_end::handshake_failed, error.message());
        else
            note_end(error);
        co_return false;
    }

    SSL* const tls = tls_->native_handle();
    facts_.completed = true;
    facts_.version = SSL_get_version(tls);
    const unsigned char* protocol = nullptr;
    unsigned protocol_size = 0;
    SSL_get0_alpn_selected(tls, &protocol, &protocol_size);
    if (protocol != nullptr)
        facts_.alpn_selected.assign(reinterpret_cast<const char*>(protocol), protocol_size);
    if (X509* const certificate = SSL_get0_peer_certificate(tls)) {
        X509_NAME* const subject = X509_get_subject_name(certificate);
        facts_.client_subject = subject_text(subject);
        facts_.client_common_name = common_name(subject);
    }
    co_return true;
}

void fake_transport::update_keys() {
    if (is_tls() && SSL_version(tls_->native_handle()) == TLS1_3_VERSION)
        SSL_key_update(tls_->native_handle(), SSL_KEY_UPDATE_REQUESTED);
}

asio::awaitable<void> fake_transport::wait_for_bytes() {
    co_await socket_.async_wait(tcp::socket::wait_read, as_result);
}

asio::awaitable<void> fake_transport::send_end(close_kind kind) {
    if (std::exchange(end_sent_, true))
        co_return;
    note_end(connection_end::closed_by_server, {});

    error_code ignored;
    if (kind == close_kind::reset) {
        socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
        socket_.close(ignored);
        co_return;
    }
    if (kind == close_kind::clean && is_tls()) {
        co_await take_turn();
        // Claiming that the client's close_notify is here already makes SSL_shutdown send ours and
        // not wait, as Go's tls.Conn.Close does.
        SSL* const tls = tls_->native_handle();
        SSL_set_shutdown(tls, SSL_get_shutdown(tls) | SSL_RECEIVED_SHUTDOWN);
        co_await tls_->async_shutdown(as_result);
        pass_turn();
    }
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> fake_transport::linger(std::chrono::steady_clock::duration limit) {
    using namespace asio::experimental::awaitable_operators;

    if (!socket_.is_open())
        co_return;
    asio::steady_timer deadline{socket_.get_executor(), limit};
    std::array<char, 4096> dropped{};
    for (;;) {
        const auto first = co_await (socket_.async_read_some(asio::buffer(dropped), as_result) ||
                                     deadline.async_wait(as_result));
        if (first.index() != 0 || std::get<0>(std::get<0>(first)))
            break;
    }
    abort();
}

void fake_transport::abort() {
    note_end(connection_end::closed_by_server, {});
    error_code ignored;
    socket_.close(ignored);
    turn_.cancel();
}

void fake_transport::cancel_reads() {
    error_code ignored;
    socket_.cancel(ignored);
}

void fake_transport::prepare(asio::ssl::context& context) {
    SSL_CTX_set_client_hello_cb(
        context.native_handle(),
        [](SSL* tls, int*, void*) {
            of(tls).read_client_hello(tls);
            return SSL_CLIENT_HELLO_SUCCESS;
        },
        nullptr);
    SSL_CTX_set_alpn_select_cb(context.native_handle(), &fake_transport::choose_protocol, nullptr);
}

fake_transport& fake_transport::of(SSL* tls) {
    return *static_cast<fake_transport*>(SSL_get_ex_data(tls, transport_index()));
}

int fake_transport::choose_protocol(SSL* tls, const unsigned char** chosen, unsigned char* size,
                                    const unsigned char* offered, unsigned offered_size, void*) {
    static constexpr std::array<unsigned char, 3> http2{2, 'h', '2'};
    // OpenSSL wants a pointer to non-const, but does not write through it.
    auto** const result = const_cast<unsigned char**>(chosen);
    const bool agreed = of(tls).offers_http2_ &&
                        SSL_select_next_proto(result, size, http2.data(), http2.size(), offered,
                                              offered_size) == OPENSSL_NPN_NEGOTIATED;
    return agreed ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/// Any ClientHello is recorded, also one that the handshake will refuse.
void fake_transport::read_client_hello(SSL* tls) {
    facts_.client_hello_seen = true;

    bool present = false;
    // RFC 6066 3: list length, type 0, name length, name.
    if (const auto names = extension_of(tls, TLSEXT_TYPE_server_name, present);
        present && names.size() >= 5)
        facts_.sni = std::string{names.substr(5)};

    // RFC 7301 3.1: list length, then each name with a length byte.
    auto names = extension_of(tls, TLSEXT_TYPE_application_layer_protocol_negotiation, present);
    names.remove_prefix(std::min<std::size_t>(2, names.size()));
    while (!names.empty()) {
        const auto size = std::min(byte_at(names, 0), names.size() - 1);
        facts_.alpn_offered.emplace_back(names.substr(1, size));
        names.remove_prefix(1 + size);
    }
}

asio::awaitable<void> fake_transport::take_turn() {
    while (writing_ && socket_.is_open())
        co_await turn_.async_wait(as_result);
    writing_ = true;
}

void fake_transport::pass_turn() {
    writing_ = false;
    turn_.cancel_one();
}

void fake_transport::note_end(const error_code& error) {
    const bool inside_tls = tls_.has_value();
    if (error == asio::error::eof)
        note_end(inside_tls ? connection_end::close_notify : connection_end::eof, {});
    else if (error == asio::ssl::error::stream_truncated)
        note_end(connection_end::eof, error.message());
    else if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor)
        note_end(connection_end::closed_by_server, {});
    else if (error.category() == asio::error::get_ssl_category())
        note_end(connection_end::tls_error, error.message());
    else
        note_end(connection_end::reset, error.message());
}

void fake_transport::note_end(connection_end end, std::string detail) {
    if (ended())
        return; // what came first counts
    end_ = end;
    end_detail_ = std::move(detail);
}

} // namespace roachpin::test
