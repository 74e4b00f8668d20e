#include "support/fake_cockroach.hpp"

#include "support/fake_session.hpp"
#include "support/record_book.hpp"
#include "support/running_hash.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <future>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace roachpin::test {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

int openssl_version(tls_version version) {
    switch (version) {
    case tls_version::v1_0:
        return TLS1_VERSION;
    case tls_version::v1_1:
        return TLS1_1_VERSION;
    case tls_version::v1_2:
        return TLS1_2_VERSION;
    case tls_version::v1_3:
        return TLS1_3_VERSION;
    }
    throw std::invalid_argument{"unknown TLS version"};
}

void require(bool good, const char* doing) {
    if (good)
        return;
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    throw std::runtime_error{std::string{doing} + ": " + text.data()};
}

std::shared_ptr<asio::ssl::context> make_context(const fake_cockroach_options& options,
                                                 const identity& server) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    SSL_CTX* const raw = context->native_handle();

    // A stranger at a node's address uses what it likes: old protocols, weak keys, SHA-1. Judging
    // them is the client's task.
    SSL_CTX_set_security_level(raw, 0);
    require(SSL_CTX_set_cipher_list(raw, "ALL:!COMPLEMENTOFDEFAULT:!eNULL:!aNULL") == 1, "ciphers");
    SSL_CTX_set_min_proto_version(raw, openssl_version(options.min_tls));
    SSL_CTX_set_max_proto_version(raw, openssl_version(options.max_tls));

    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(raw, options.session_tickets);
    if (options.session_tickets == 0)
        SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);

    const auto chain = server.full_chain_pem();
    context->use_certificate_chain(asio::buffer(chain));
    context->use_private_key(asio::buffer(server.private_key_pem), asio::ssl::context::pem);

    if (options.client_policy != client_certificates::ignore && !options.client_ca_pem.empty()) {
        context->add_certificate_authority(asio::buffer(options.client_ca_pem));
        auto mode = asio::ssl::verify_peer;
        if (options.client_policy == client_certificates::require)
            mode |= asio::ssl::verify_fail_if_no_peer_cert;
        context->set_verify_mode(mode);
        // With a session cache OpenSSL insists on a context id; harmless otherwise.
        static constexpr std::array<unsigned char, 1> id{'f'};
        SSL_CTX_set_session_id_context(raw, id.data(), id.size());
    }
    fake_transport::prepare(*context);
    return context;
}

} // namespace

/// Everything but the constructor, the destructor and the waiting runs on thread_.
class fake_cockroach::implementation {
public:
    explicit implementation(fake_cockroach_options options)
        : options_{std::move(options)}, plays_{options_.plays}, context_{make_context(
                                                                    options_, options_.server)},
          endpoint_{asio::ip::make_address(options_.bind), options_.port} {
        listen();
        endpoint_ = acceptor_.local_endpoint();
        thread_ = std::thread{[this] {
            io_.run();
        }};
    }

    ~implementation() {
        on_thread([this] {
            stop_listening();
            for (const auto& [id, session] : sessions_)
                session->abort();
            work_.reset();
        });
        // run() returns when the last session's coroutine has: nothing outlives us.
        thread_.join();
    }

    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;

    /// Runs `task` on the server's thread and waits for it; rethrows what it throws.
    template <class Task>
    void on_thread(Task task) {
        std::packaged_task<void()> packaged{std::move(task)};
        auto done = packaged.get_future();
        asio::post(io_, [&packaged] { packaged(); });
        done.get();
    }

    template <class Start>
    void for_each_session(Start start) {
        on_thread([&] {
            for (const auto& [id, session] : sessions_)
                start(session);
        });
    }

    /// The session lives until `work` is through.
    void spawn(std::shared_ptr<fake_session> session, asio::awaitable<void> work) {
        asio::co_spawn(io_, std::move(work), [session](std::exception_ptr error) {
            if (error)
                std::rethrow_exception(error); // a bug: ends the process with a trace
        });
    }

    void listen() {
        acceptor_.open(endpoint_.protocol());
        acceptor_.set_option(asio::socket_base::reuse_address{true});
        acceptor_.bind(endpoint_);
        acceptor_.listen(4096);
        asio::co_spawn(io_, accept(), [](std::exception_ptr error) {
            if (error)
                std::rethrow_exception(error);
        });
    }

    void stop_listening() {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        pause_.cancel();
    }

    asio::awaitable<void> accept() {
        while (acceptor_.is_open()) {
            auto [error, socket] = co_await acceptor_.async_accept(as_result);
            if (error == asio::error::operation_aborted || !acceptor_.is_open())
                co_return; // also when the last accept had succeeded just before
            if (error) {   // out of descriptors, most likely
                pause_.expires_after(std::chrono::milliseconds{5});
                co_await pause_.async_wait(as_result);
                continue;
            }
            start_session(std::move(socket));
        }
    }

    void start_session(tcp::socket socket) {
        boost::system::error_code gone;
        const auto peer = socket.remote_endpoint(gone);
        std::ostringstream text;
        text << peer;
        const auto id = book_.add(gone ? "gone" : text.str());
        auto session =
            std::make_shared<fake_session>(std::move(socket), id, world_, plays_, context_);
        sessions_[id] = session;
        spawn(session, run(id, session));
    }

    asio::awaitable<void> run(std::uint64_t id, std::shared_ptr<fake_session> session) {
        co_await session->run();
        sessions_.erase(id);
    }

    fake_cockroach_options options_;
    behaviour plays_;
    std::shared_ptr<asio::ssl::context> context_;
    tcp::endpoint endpoint_;
    record_book book_;
    fake_world world_{options_, book_};
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    tcp::acceptor acceptor_{io_};
    asio::steady_timer pause_{io_};
    std::map<std::uint64_t, std::shared_ptr<fake_session>> sessions_;
    std::thread thread_;
};

fake_cockroach::fake_cockroach(fake_cockroach_options options)
    : implementation_{std::make_unique<implementation>(std::move(options))} {}

fake_cockroach::~fake_cockroach() = default;

std::uint16_t fake_cockroach::port() const {
    return implementation_->endpoint_.port();
}

std::string fake_cockroach::address() const {
    std::ostringstream text;
    text << implementation_->endpoint_;
    return text.str();
}

std::size_t fake_cockroach::connections() const {
    return implementation_->book_.ask([](const records& all) { return all.size(); });
}

std::size_t fake_cockroach::open_connections() const {
    return implementation_->book_.ask([](const records& all) {
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [](const auto& one) { return !one.finished(); }));
    });
}

fake_cockroach::records fake_cockroach::all() const {
    return implementation_->book_.all();
}

connection_record fake_cockroach::record(std::uint64_t id) const {
    return implementation_->book_.record(id);
}

bool fake_cockroach::wait_for_connections(std::size_t count,
                                          std::chrono::milliseconds patience) const {
    const auto enough = [&](const records& all) {
        return all.size() >= count;
    };
    return implementation_->book_.wait_until(enough, patience);
}

bool fake_cockroach::wait_for_finished(std::size_t count,
                                       std::chrono::milliseconds patience) const {
    const auto enough = [&](const records& all) {
        const auto finished =
            std::count_if(all.begin(), all.end(), [](const auto& one) { return one.finished(); });
        return static_cast<std::size_t>(finished) >= count;
    };
    return implementation_->book_.wait_until(enough, patience);
}

bool fake_cockroach::wait_until(const std::function<bool(const records&)>& done,
                                std::chrono::milliseconds patience) const {
    return implementation_->book_.wait_until(done, patience);
}

void fake_cockroach::close_all(close_kind kind) {
    implementation_->for_each_session(
        [&](const auto& session) { implementation_->spawn(session, session->close(kind)); });
}

void fake_cockroach::close(std::uint64_t id, close_kind kind) {
    implementation_->on_thread([&] {
        if (const auto found = implementation_->sessions_.find(id);
            found != implementation_->sessions_.end())
            implementation_->spawn(found->second, found->second->close(kind));
    });
}

void fake_cockroach::terminate_sessions(const error_fields& error) {
    const auto message = encode_error(error);
    implementation_->for_each_session([&](const auto& session) {
        if (session->logged_in())
            implementation_->spawn(session, session->terminate(message));
    });
}

void fake_cockroach::drain() {
    const auto message = encode_error({"FATAL", "57P01", "server is shutting down", {}, {}});
    implementation_->on_thread([this] { implementation_->world_.draining = true; });
    implementation_->for_each_session([&](const auto& session) {
        if (session->logged_in())
            implementation_->spawn(session, session->terminate_when_idle(message));
    });
}

void fake_cockroach::send_to_sessions(std::string bytes) {
    implementation_->for_each_session([&](const auto& session) {
        if (session->logged_in())
            implementation_->spawn(session, session->push(bytes));
    });
}

void fake_cockroach::send_to_waiting(std::string bytes) {
    implementation_->for_each_session([&](const auto& session) {
        if (session->is_tls() && !session->logged_in())
            implementation_->spawn(session, session->push(bytes));
    });
}

void fake_cockroach::resume() {
    implementation_->on_thread([this] { implementation_->world_.reading_resumed = true; });
    implementation_->for_each_session([](const auto& session) { session->wake(); });
}

void fake_cockroach::play(behaviour plays) {
    implementation_->on_thread([&] {
        implementation_->plays_ = plays;
        implementation_->world_.draining = false;
    });
}

void fake_cockroach::present(identity server) {
    auto context = make_context(implementation_->options_, server);
    implementation_->on_thread([&] { implementation_->context_ = std::move(context); });
}

void fake_cockroach::stop_listening() {
    implementation_->on_thread([this] { implementation_->stop_listening(); });
}

void fake_cockroach::start_listening() {
    implementation_->on_thread([this] {
        if (!implementation_->acceptor_.is_open())
            implementation_->listen();
    });
}

std::string_view to_string(connection_end end) {
    switch (end) {
    case connection_end::open:
        return "open";
    case connection_end::close_notify:
        return "close_notify";
    case connection_end::eof:
        return "eof";
    case connection_end::reset:
        return "reset";
    case connection_end::handshake_failed:
        return "handshake_failed";
    case connection_end::tls_error:
        return "tls_error";
    case connection_end::closed_by_server:
        return "closed_by_server";
    }
    return "?";
}

bool connection_record::received(std::string_view needle) const {
    const auto in = [&](std::string_view bytes) {
        return bytes.find(needle) != std::string_view::npos;
    };
    return in(before_tls) || in(handshake_bytes) || in(plaintext);
}

std::string flood_pattern(std::uint64_t offset, std::size_t size) {
    // SplitMix64 of the word's index: no period that a buffer size could hide in.
    const auto word_at = [](std::uint64_t index) {
        std::uint64_t word = (index + 1) * 0x9e3779b97f4a7c15;
        word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
        word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
        return word ^ (word >> 31);
    };
    std::string bytes(size, '\0');
    std::uint64_t word = word_at(offset / 8);
    for (std::size_t i = 0; i < size; ++i) {
        const auto position = offset + i;
        if (position % 8 == 0)
            word = word_at(position / 8);
        bytes[i] = static_cast<char>((word >> (position % 8 * 8)) & 0xff);
    }
    return bytes;
}

std::string sha256_hex(std::string_view bytes) {
    running_hash hash;
    hash.add(bytes);
    return hash.hexadecimal();
}

} // namespace roachpin::test
