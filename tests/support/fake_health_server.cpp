#include "support/fake_health_server.hpp"

#include "support/fake_transport.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/ssl.h>

#include <array>
#include <mutex>
#include <set>
#include <thread>

namespace roachpin::test {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

void rethrow(std::exception_ptr error) {
    if (error)
        std::rethrow_exception(error); // a bug: ends the process with a trace
}

} // namespace

class fake_health_server::implementation {
public:
    explicit implementation(fake_health_options options)
        : options_{std::move(options)}, context_{asio::ssl::context::tls_server},
          acceptor_{io_, {asio::ip::address_v4::loopback(), 0}} {
        SSL_CTX_set_session_cache_mode(context_.native_handle(), SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(context_.native_handle(), options_.session_tickets);
        const auto chain = options_.server.full_chain_pem();
        context_.use_certificate_chain(asio::buffer(chain));
        context_.use_private_key(asio::buffer(options_.server.private_key_pem),
                                 asio::ssl::context::pem);
        fake_transport::prepare(context_);
        asio::co_spawn(io_, accept(), rethrow);
        port_ = acceptor_.local_endpoint().port();
        thread_ = std::thread{[this] {
            io_.run();
        }};
    }

    ~implementation() {
        asio::post(io_, [this] {
            acceptor_.close();
            for (auto* const one : open_)
                one->abort();
        });
        thread_.join();
    }

    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;

    asio::awaitable<void> accept() {
        while (acceptor_.is_open()) {
            auto [error, socket] = co_await acceptor_.async_accept(as_result);
            if (!error && acceptor_.is_open())
                asio::co_spawn(io_, serve(std::move(socket)), rethrow);
        }
    }

    asio::awaitable<void> serve(tcp::socket socket) {
        fake_transport client{std::move(socket)};
        open_.insert(&client);
        co_await converse(client);
        co_await client.send_end(fake_cockroach::close_kind::clean);
        co_await client.linger(std::chrono::seconds{5});
        open_.erase(&client);
    }

    asio::awaitable<void> converse(fake_transport& client) {
        bool ready = !options_.tls;
        if (options_.tls)
            ready = co_await client.accept_tls(context_, false);
        std::string received;
        std::array<char, 4096> piece{};
        bool asked = false;
        while (ready && !asked) {
            const auto size = co_await client.read(piece);
            received.append(piece.data(), size);
            note(received);
            ready = size > 0;
            asked = ready && !options_.answer.empty() &&
                    (!options_.tls || received.find("\r\n\r\n") != std::string::npos);
        }
        if (asked)
            co_await client.write(options_.answer);
    }

    void note(const std::string& received) {
        const std::lock_guard lock{mutex_};
        request_ = received;
    }

    fake_health_options options_;
    asio::ssl::context context_;
    asio::io_context io_{1};
    tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;
    std::set<fake_transport*> open_; // the server's thread only
    mutable std::mutex mutex_;
    std::string request_;
    std::thread thread_;
};

fake_health_server::fake_health_server(fake_health_options options)
    : implementation_{std::make_unique<implementation>(std::move(options))} {}

fake_health_server::~fake_health_server() = default;

std::uint16_t fake_health_server::port() const {
    return implementation_->port_;
}

std::string fake_health_server::request() const {
    const std::lock_guard lock{implementation_->mutex_};
    return implementation_->request_;
}

} // namespace roachpin::test
