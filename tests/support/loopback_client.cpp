#include "support/loopback_client.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace roachpin::test {

namespace {

using clock = std::chrono::steady_clock;

struct ssl_deleter {
    void operator()(SSL* tls) const { SSL_free(tls); }

    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

    void operator()(BIO* bio) const { BIO_free(bio); }

    void operator()(X509* certificate) const { X509_free(certificate); }

    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

template <class T>
using owned = std::unique_ptr<T, ssl_deleter>;

[[noreturn]] void fail_with_errno(const std::string& doing) {
    const int reason = errno;
    const bool gone = reason == ECONNRESET || reason == EPIPE;
    throw client_error{gone ? client_failure::reset : client_failure::refused,
                       doing + ": " + std::strerror(reason)};
}

[[noreturn]] void fail_with_tls(const std::string& doing) {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    ERR_clear_error();
    throw client_error{client_failure::tls, doing + ": " + text.data()};
}

void require_tls(bool good, const char* doing) {
    if (!good)
        fail_with_tls(doing);
}

owned<BIO> read_from(const std::string& pem) {
    return owned<BIO>{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
}

void trust(SSL_CTX* context, const std::string& ca_pem) {
    const auto pem = read_from(ca_pem);
    std::size_t count = 0;
    while (owned<X509> certificate{PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)}) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
        ++count;
    }
    require_tls(count > 0, "reading the CA");
    ERR_clear_error(); // the end of the PEM counts as an error
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
}

void present(SSL_CTX* context, const tls_client_options& options) {
    const auto pem = read_from(options.certificate_pem);
    const owned<X509> leaf{PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)};
    require_tls(leaf && SSL_CTX_use_certificate(context, leaf.get()) == 1, "client certificate");
    while (owned<X509> above{PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)})
        SSL_CTX_add1_chain_cert(context, above.get());
    ERR_clear_error();

    const auto key_pem = read_from(options.private_key_pem);
    const owned<EVP_PKEY> key{PEM_read_bio_PrivateKey(key_pem.get(), nullptr, nullptr, nullptr)};
    require_tls(key && SSL_CTX_use_PrivateKey(context, key.get()) == 1, "client key");
}

void verify_name(SSL* tls, const std::string& name) {
    auto* const parameters = SSL_get0_param(tls);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1)
        return;
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    require_tls(SSL_set1_host(tls, name.c_str()) == 1, "name to verify");
}

void offer(SSL* tls, const std::vector<std::string>& protocols) {
    std::string wire;
    for (const auto& protocol : protocols)
        wire.append(1, static_cast<char>(protocol.size())).append(protocol);
    if (!wire.empty())
        SSL_set_alpn_protos(tls, reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
}

} // namespace

/// TLS runs over memory BIOs, so that every write to the socket can say MSG_NOSIGNAL: ignoring
/// SIGPIPE would hide a proxy in the same process that does not.
struct loopback_client::state {
    int fd = -1;
    milliseconds patience{10'000};
    owned<SSL_CTX> context;
    owned<SSL> tls;
    std::optional<client_failure> ended;

    state() = default;
    state(const state&) = delete;
    state& operator=(const state&) = delete;

    ~state() { close(); }

    void close() {
        if (fd >= 0)
            ::close(std::exchange(fd, -1));
    }

    [[nodiscard]] clock::time_point deadline() const { return clock::now() + patience; }

    void wait(short events, clock::time_point until) const {
        for (;;) {
            const auto left = std::chrono::ceil<milliseconds>(until - clock::now());
            if (left.count() <= 0)
                throw client_error{client_failure::timeout, "nothing happened in time"};
            pollfd watched{fd, events, 0};
            const int ready = ::poll(&watched, 1, static_cast<int>(left.count()));
            if (ready > 0)
                return;
            if (ready < 0 && errno != EINTR)
                fail_with_errno("poll");
        }
    }

    void raw_send(std::string_view bytes, clock::time_point until) const {
        while (!bytes.empty()) {
            const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent > 0)
                bytes.remove_prefix(static_cast<std::size_t>(sent));
            else if (errno == EAGAIN)
                wait(POLLOUT, until);
            else if (errno != EINTR)
                fail_with_errno("send");
        }
    }

    /// 0: FIN.
    std::size_t raw_receive(char* into, std::size_t size, int flags,
                            clock::time_point until) const {
        for (;;) {
            const auto received = ::recv(fd, into, size, flags);
            if (received >= 0)
                return static_cast<std::size_t>(received);
            if (errno == EAGAIN)
                wait(POLLIN, until);
            else if (errno != EINTR)
                fail_with_errno("recv");
        }
    }

    void flush_tls(clock::time_point until) const {
        std::array<char, 16384> chunk{};
        for (;;) {
            const int size =
                BIO_read(SSL_get_wbio(tls.get()), chunk.data(), static_cast<int>(chunk.size()));
            if (size <= 0)
                return;
            raw_send({chunk.data(), static_cast<std::size_t>(size)}, until);
        }
    }

    /// False: FIN.
    [[nodiscard]] bool feed_tls(clock::time_point until) const {
        std::array<char, 16384> chunk{};
        const auto size = raw_receive(chunk.data(), chunk.size(), 0, until);
        BIO_write(SSL_get_rbio(tls.get()), chunk.data(), static_cast<int>(size));
        return size > 0;
    }

    void handshake(clock::time_point until) const {
        for (;;) {
            ERR_clear_error();
            const int result = SSL_do_handshake(tls.get());
            const int reason = SSL_get_error(tls.get(), result);
            const auto error = ERR_peek_error();
            flush_tls(until); // also the alert that says why we refuse
            if (result == 1)
                return;
            if (reason != SSL_ERROR_WANT_READ || error != 0)
                fail_with_tls("TLS handshake");
            if (!feed_tls(until))
                throw client_error{client_failure::eof, "FIN during the TLS handshake"};
        }
    }

    /// 0: close_notify. Throws on all other ends.
    std::size_t tls_receive(char* into, std::size_t size, bool peek,
                            clock::time_point until) const {
        for (;;) {
            ERR_clear_error();
            std::size_t received = 0;
            const int result = peek ? SSL_peek_ex(tls.get(), into, size, &received)
                                    : SSL_read_ex(tls.get(), into, size, &received);
            if (result == 1)
                return received;
            const int reason = SSL_get_error(tls.get(), result);
            if (reason == SSL_ERROR_ZERO_RETURN)
                return 0;
            if (reason != SSL_ERROR_WANT_READ)
                fail_with_tls("TLS");
            flush_tls(until); // a KeyUpdate asks for an answer
            if (!feed_tls(until))
                throw client_error{client_failure::eof, "FIN without close_notify"};
        }
    }

    /// At least one byte; every end throws, and is remembered.
    std::size_t receive(char* into, std::size_t size, bool peek, clock::time_point until) {
        try {
            const auto received = tls ? tls_receive(into, size, peek, until)
                                      : raw_receive(into, size, peek ? MSG_PEEK : 0, until);
            if (received > 0)
                return received;
            throw tls ? client_error{client_failure::close_notify, "close_notify"}
                      : client_error{client_failure::eof, "FIN"};
        } catch (const client_error& error) {
            if (error.why() != client_failure::timeout)
                ended = error.why();
            throw;
        }
    }

    void send(std::string_view bytes, clock::time_point until) {
        if (!tls)
            return raw_send(bytes, until);
        while (!bytes.empty()) {
            // In pieces, so that memory BIOs do not hold more than the socket could not take.
            const auto piece = bytes.substr(0, 16384);
            std::size_t written = 0;
            ERR_clear_error();
            require_tls(SSL_write_ex(tls.get(), piece.data(), piece.size(), &written) == 1,
                        "TLS write");
            flush_tls(until);
            bytes.remove_prefix(written);
        }
    }

    std::string receive_exactly(std::size_t size, clock::time_point until) {
        std::string bytes(size, '\0');
        for (std::size_t have = 0; have < size;)
            have += receive(bytes.data() + have, size - have, false, until);
        return bytes;
    }

    void send_close_notify(clock::time_point until) const {
        ERR_clear_error();
        SSL_shutdown(tls.get());
        flush_tls(until);
    }
};

namespace {

void connect_within(int fd, const sockaddr* address, socklen_t size, const std::string& to,
                    const auto& wait) {
    if (::connect(fd, address, size) == 0)
        return;
    if (errno != EINPROGRESS)
        fail_with_errno("connecting to " + to);
    wait();
    socklen_t length = sizeof errno;
    int result = 0;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &length);
    errno = result;
    if (result != 0)
        fail_with_errno("connecting to " + to);
}

} // namespace

loopback_client::loopback_client(std::unique_ptr<state> connected) : state_{std::move(connected)} {}

loopback_client::loopback_client(loopback_client&&) noexcept = default;
loopback_client& loopback_client::operator=(loopback_client&&) noexcept = default;
loopback_client::~loopback_client() = default;

loopback_client loopback_client::connect_tcp(const std::string& address, std::uint16_t port,
                                             milliseconds patience) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        size = sizeof *v4;
    } else if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        size = sizeof *v6;
    } else {
        throw client_error{client_failure::refused, "not an IP address: " + address};
    }

    auto made = std::make_unique<state>();
    made->patience = patience;
    made->fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made->fd < 0)
        fail_with_errno("socket");
    const int on = 1;
    ::setsockopt(made->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connect_within(made->fd, reinterpret_cast<const sockaddr*>(&storage), size,
                   address + ":" + std::to_string(port),
                   [&] { made->wait(POLLOUT, made->deadline()); });
    return loopback_client{std::move(made)};
}

loopback_client loopback_client::connect_unix(const std::string& path, milliseconds patience) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw client_error{client_failure::refused, "too long for a unix socket: " + path};
    std::memcpy(address.sun_path, path.data(), path.size());

    auto made = std::make_unique<state>();
    made->patience = patience;
    made->fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made->fd < 0)
        fail_with_errno("socket");
    connect_within(made->fd, reinterpret_cast<const sockaddr*>(&address), sizeof address, path,
                   [&] { made->wait(POLLOUT, made->deadline()); });
    return loopback_client{std::move(made)};
}

void loopback_client::set_patience(milliseconds patience) {
    state_->patience = patience;
}

void loopback_client::send(std::string_view bytes) {
    state_->send(bytes, state_->deadline());
}

std::string loopback_client::read_exactly(std::size_t size) {
    return state_->receive_exactly(size, state_->deadline());
}

std::string loopback_client::read_some(std::size_t at_most) {
    std::string bytes(at_most, '\0');
    bytes.resize(state_->receive(bytes.data(), bytes.size(), false, state_->deadline()));
    return bytes;
}

std::string loopback_client::read_until_end() {
    const auto until = state_->deadline();
    std::string bytes;
    std::array<char, 65536> chunk{};
    try {
        for (;;)
            bytes.append(chunk.data(), state_->receive(chunk.data(), chunk.size(), false, until));
    } catch (const client_error& error) {
        if (error.why() != client_failure::eof && error.why() != client_failure::close_notify)
            throw;
    }
    return bytes;
}

std::optional<client_failure> loopback_client::ended_by() const {
    return state_->ended;
}

bool loopback_client::stays_silent_for(milliseconds span) {
    char byte = 0;
    try {
        state_->receive(&byte, 1, true, clock::now() + span);
    } catch (const client_error& error) {
        return error.why() == client_failure::timeout;
    }
    return false;
}

std::optional<client_failure> loopback_client::wait_for_end() {
    char byte = 0;
    try {
        state_->receive(&byte, 1, true, state_->deadline());
    } catch (const client_error& error) {
        if (error.why() != client_failure::timeout)
            return error.why();
    }
    return std::nullopt;
}

void loopback_client::half_close() {
    close_notify_only();
    ::shutdown(state_->fd, SHUT_WR);
}

void loopback_client::close_notify_only() {
    if (state_->tls)
        state_->send_close_notify(state_->deadline());
}

void loopback_client::close() {
    state_->close();
}

void loopback_client::reset() {
    const linger hard{1, 0};
    ::setsockopt(state_->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    state_->close();
}

void loopback_client::start_tls(const tls_client_options& options) {
    state_->context.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* const context = state_->context.get();
    if (!options.ca_pem.empty())
        trust(context, options.ca_pem);
    if (!options.certificate_pem.empty())
        present(context, options);
    if (options.tls_1_2_only)
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);

    state_->tls.reset(SSL_new(context));
    SSL* const tls = state_->tls.get();
    SSL_set_bio(tls, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(tls);
    if (!options.sni.empty())
        SSL_set_tlsext_host_name(tls, options.sni.c_str());
    if (!options.verify_name.empty())
        verify_name(tls, options.verify_name);
    offer(tls, options.alpn);
    state_->handshake(state_->deadline());
}

bool loopback_client::is_tls() const {
    return state_->tls != nullptr;
}

std::string loopback_client::tls_version() const {
    return state_->tls ? SSL_get_version(state_->tls.get()) : std::string{};
}

std::string loopback_client::alpn_selected() const {
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    if (state_->tls)
        SSL_get0_alpn_selected(state_->tls.get(), &protocol, &size);
    return protocol ? std::string{reinterpret_cast<const char*>(protocol), size} : std::string{};
}

std::string loopback_client::peer_certificate_pem() const {
    X509* const certificate = state_->tls ? SSL_get0_peer_certificate(state_->tls.get()) : nullptr;
    if (certificate == nullptr)
        return {};
    const owned<BIO> memory{BIO_new(BIO_s_mem())};
    PEM_write_bio_X509(memory.get(), certificate);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

char loopback_client::request_tls() {
    send(ssl_request());
    return read_exactly(1).front();
}

pg_message loopback_client::read_message() {
    const auto until = state_->deadline();
    const auto header = state_->receive_exactly(5, until);
    const auto length = decode_u32(std::string_view{header}.substr(1));
    if (length < 4 || length > (1u << 30))
        throw client_error{client_failure::protocol,
                           "a message of length " + std::to_string(length)};
    return {header.front(), state_->receive_exactly(length - 4, until)};
}

error_fields loopback_client::read_error() {
    const auto message = read_message();
    if (message.type != 'E')
        throw client_error{client_failure::protocol,
                           std::string{"an ErrorResponse was due, not "} + message.type};
    return parse_error(message.body);
}

loopback_client::login_result loopback_client::login(const parameter_map& startup,
                                                     std::uint32_t version,
                                                     const std::string& password) {
    send(startup_message(startup, version));
    login_result result;
    for (;;) {
        const auto message = read_message();
        const std::string_view body{message.body};
        switch (message.type) {
        case 'E':
            throw server_refusal{parse_error(body)};
        case 'R':
            if (const auto method = decode_u32(body); method == 3)
                send(password_message(password));
            else if (method != 0)
                throw client_error{client_failure::protocol,
                                   "authentication method " + std::to_string(method)};
            break;
        case 'S':
            result.parameters[body.data()] = body.data() + body.find('\0') + 1;
            break;
        case 'K':
            result.backend_key =
                (std::uint64_t{decode_u32(body)} << 32) | decode_u32(body.substr(4));
            break;
        case 'v':
            result.negotiated = message.body;
            break;
        case 'Z':
            return result;
        default:
            break;
        }
    }
}

std::vector<std::string> loopback_client::query(std::string_view sql) {
    send(query_message(sql));
    std::vector<std::string> rows;
    std::optional<error_fields> error;
    for (;;) {
        const auto message = read_message();
        if (message.type == 'D')
            rows.push_back(parse_data_row(message.body).at(0).value_or(""));
        else if (message.type == 'E')
            error = parse_error(message.body);
        else if (message.type == 'Z')
            break;
        if (error && error->severity == "FATAL")
            break; // nothing follows
    }
    if (error)
        throw server_refusal{*error};
    return rows;
}

int loopback_client::native_handle() const {
    return state_->fd;
}

} // namespace roachpin::test
