#include "unit/tls/plain_tls.hpp"

#include "unit/tls/pem.hpp"

#include <openssl/err.h>

#include <array>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace roachpin::test {
namespace {

void require(bool good, const char* doing) {
    if (!good) {
        throw std::runtime_error(doing);
    }
}

void present(SSL_CTX* context, const identity& presented) {
    const auto leaf = certificate_of(presented.certificate_pem);
    const auto key = key_of(presented.private_key_pem);
    require(SSL_CTX_use_certificate(context, leaf.get()) == 1, "using a certificate");
    require(SSL_CTX_use_PrivateKey(context, key.get()) == 1, "using a key");
    for (const auto& above : certificates_of(presented.chain_pem)) {
        require(SSL_CTX_add1_chain_cert(context, above.get()) == 1, "using a chain");
    }
}

int take_any_certificate(X509_STORE_CTX*, void*) {
    return 1;
}

} // namespace

socket_pair::socket_pair() {
    std::array<int, 2> ends{};
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0,
            "making a pair of sockets");
    ours_ = ends[0];
    theirs_ = ends[1];
}

void socket_pair::close_ours() {
    if (ours_ >= 0) {
        ::close(ours_);
        ours_ = -1;
    }
}

void socket_pair::close_theirs() {
    if (theirs_ >= 0) {
        ::close(theirs_);
        theirs_ = -1;
    }
}

void socket_pair::send(const std::string& octets) const {
    require(::send(theirs_, octets.data(), octets.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(octets.size()),
            "sending");
}

std::string socket_pair::received() const {
    std::string octets(1 << 16, '\0');
    const auto size = ::recv(theirs_, octets.data(), octets.size(), 0);
    octets.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return octets;
}

plain_tls::plain_tls(role plays, const plain_options& options, int fd)
    : context_(SSL_CTX_new(plays == role::client ? TLS_client_method() : TLS_server_method())) {
    auto* context = context_.get();
    SSL_CTX_set_security_level(context, 0);
    require(SSL_CTX_set_min_proto_version(context, options.min_version) == 1 &&
                SSL_CTX_set_max_proto_version(context, options.max_version) == 1,
            "setting versions");
    require(SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) == 1, "setting ciphers");
    SSL_CTX_set_dh_auto(context, options.small_dh ? 2 : 1);
    if (!options.presents.certificate_pem.empty()) {
        present(context, options.presents);
    }
    if (options.asks_for_certificate || plays == role::client) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_cert_verify_callback(context, take_any_certificate, nullptr);
    }
    if (!options.alpn.empty()) {
        SSL_CTX_set_alpn_protos(context,
                                reinterpret_cast<const unsigned char*>(options.alpn.data()),
                                static_cast<unsigned>(options.alpn.size()));
    }
    SSL_CTX_set_client_hello_cb(context, note_hello, this);
    SSL_CTX_set_msg_callback(context, note_message);
    SSL_CTX_set_msg_callback_arg(context, this);
    tls_.reset(SSL_new(context));
    require(tls_ && SSL_set_fd(tls_.get(), fd) == 1, "making a connection");
    if (plays == role::client) {
        SSL_set_connect_state(tls_.get());
    } else {
        SSL_set_accept_state(tls_.get());
    }
}

void plain_tls::advance() {
    ERR_clear_error();
    established_ = SSL_do_handshake(tls_.get()) == 1 && SSL_is_init_finished(tls_.get());
    ERR_clear_error();
}

std::string plain_tls::peer_subject() const {
    const auto* shown = SSL_get0_peer_certificate(tls_.get());
    if (shown == nullptr) {
        return {};
    }
    std::array<char, 256> text{};
    X509_NAME_oneline(X509_get_subject_name(shown), text.data(), static_cast<int>(text.size()));
    return text.data();
}

std::string plain_tls::alpn() const {
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls_.get(), &chosen, &size);
    return {reinterpret_cast<const char*>(chosen), size};
}

void plain_tls::note_message(int sent, int, int type, const void* octets, std::size_t size, SSL*,
                             void* self) {
    auto& noted = *static_cast<plain_tls*>(self);
    const auto* message = static_cast<const unsigned char*>(octets);
    if (sent == 0 && type == SSL3_RT_HANDSHAKE && size > 0) {
        noted.heard_.push_back(message[0]);
    } else if (sent == 0 && type == SSL3_RT_ALERT && size == 2) {
        noted.alert_ = message[1];
    }
}

/// The extension as it came (RFC 6066 section 3): a list's length, a type, a name's length, a name.
int plain_tls::note_hello(SSL* tls, int*, void* self) {
    const unsigned char* octets = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(tls, TLSEXT_TYPE_server_name, &octets, &size) == 1) {
        constexpr std::size_t headers = 5;
        const std::string extension(reinterpret_cast<const char*>(octets), size);
        static_cast<plain_tls*>(self)->sni_ = extension.substr(std::min(headers, size));
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

} // namespace roachpin::test
