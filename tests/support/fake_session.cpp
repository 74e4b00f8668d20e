#include "support/fake_session.hpp"

#include "support/fake_replies.hpp"

#include <utility>

namespace roachpin::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using close_kind = fake_cockroach::close_kind;

// GCC 12.2 lays out the frame of a coroutine wrongly (its parameters and `this` are garbage) when
// the condition of an if, while or switch contains a co_await and the outermost scope declares
// nothing (gcc 106188). Therefore, here and in fake_session_modes.cpp, what is awaited gets a name
// first.

namespace {

constexpr std::size_t scratch_size = 32 * 1024;
constexpr auto linger_limit = 5s;

/// CockroachDB refuses what PostgreSQL's own limit (10,000) and its read buffer do not allow; HTTP
/// and 0xff… come out as lengths of this kind.
constexpr std::uint32_t longest_opening = 10'000;

constexpr std::uint32_t major_version(std::uint32_t version) {
    return version >> 16;
}

/// A gRPC server's first frame: SETTINGS with MAX_FRAME_SIZE 16384 (RFC 9113 6.5).
constexpr std::string_view http2_settings{
    "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00", 15};

constexpr std::string_view bad_request = "HTTP/1.1 400 Bad Request\r\n"
                                         "Content-Type: text/plain; charset=utf-8\r\n"
                                         "Connection: close\r\n\r\n400 Bad Request";

} // namespace

fake_session::fake_session(fake_transport::tcp::socket socket, std::uint64_t id, fake_world& world,
                           behaviour plays, std::shared_ptr<asio::ssl::context> context)
    : transport_{std::move(socket)}, id_{id}, world_{world}, plays_{plays}, context_{std::move(
                                                                                context)},
      scratch_(scratch_size), until_key_update_{world.options.key_update_every},
      woken_{transport_.socket().get_executor(), asio::steady_timer::time_point::max()} {}

asio::awaitable<void> fake_session::run() {
    co_await converse();
    co_await transport_.send_end(close_kind::clean);
    world_.by_backend_key.erase(backend_key_);
    logged_in_ = false;
    record([&](connection_record& seen) {
        seen.end = transport_.end();
        seen.end_detail = transport_.end_detail();
    });
    if (world_.options.on_finished)
        world_.options.on_finished(world_.book.record(id_));
    co_await transport_.linger(linger_limit);
}

asio::awaitable<void> fake_session::close(close_kind kind) {
    co_await transport_.send_end(kind);
    transport_.cancel_reads();
    wake();
}

asio::awaitable<void> fake_session::terminate(std::string error) {
    co_await transport_.write(error);
    co_await close(close_kind::clean);
}

asio::awaitable<void> fake_session::terminate_when_idle(std::string error) {
    last_words_ = std::move(error);
    if (!in_query_ && transaction_status_ == 'I')
        co_await terminate(last_words_);
}

asio::awaitable<void> fake_session::push(std::string bytes) {
    co_await transport_.write(bytes);
}

void fake_session::wake() {
    woken_.cancel();
}

void fake_session::cancel_query() {
    query_cancelled_ = true;
    wake();
}

void fake_session::abort() {
    transport_.abort();
    wake();
}

// ---- the opening ------------------------------------------------------------------------------

asio::awaitable<void> fake_session::converse() {
    if (strikes_after(session_step::accepted))
        co_return co_await strike(plays_.fault->kind);
    if (plays_.state == node_state::before_init)
        co_return co_await swallow();

    constexpr unsigned char tls_handshake = 0x16;
    const auto first = co_await transport_.peek();
    if (!first)
        co_return;
    if (*first == tls_handshake && plays_.state != node_state::insecure)
        co_return co_await play_rpc_port();
    co_await converse_in_the_clear();
}

asio::awaitable<void> fake_session::converse_in_the_clear() {
    for (;;) {
        auto packet = co_await read_opening();
        if (!packet)
            co_return;

        if (packet->code == ssl_request_code) {
            const bool goes_on = co_await answer_ssl_request();
            if (!goes_on)
                co_return;
            if (transport_.is_tls())
                co_return co_await converse_inside_tls();
        } else if (packet->code == gssenc_request_code) {
            if (plays_.release != node_release::v19_1)
                co_await refuse("08P01", "GSS encryption is not yet supported");
            co_return;
        } else if (packet->code == cancel_request_code) {
            cancel_request_arrived(packet->body);
            co_return;
        } else {
            phase_ = phase::plaintext;
            co_return co_await serve(std::move(*packet));
        }
    }
}

/// True: go on, inside TLS or (insecure) in the clear. False: this connection is over.
asio::awaitable<bool> fake_session::answer_ssl_request() {
    if (strikes_after(session_step::ssl_request)) {
        co_await strike(plays_.fault->kind);
        co_return false;
    }
    if (plays_.state == node_state::insecure)
        co_return co_await send("N");

    switch (plays_.answer) {
    case ssl_answer::accept:
        co_await send("S");
        co_return co_await enter_tls(false);
    case ssl_answer::accept_and_extra:
        co_await send("S" + world_.options.extra_bytes);
        co_return co_await enter_tls(false);
    case ssl_answer::refuse:
        co_await send("N");
        co_await swallow();
        break;
    case ssl_answer::error_response:
        co_await refuse("08P01", "unsupported frontend protocol 1234.5679");
        break;
    case ssl_answer::http_response:
        co_await send(std::string{bad_request});
        break;
    case ssl_answer::garbage:
        co_await send(std::string(1, '\0'));
        co_await swallow();
        break;
    }
    co_return false;
}

asio::awaitable<bool> fake_session::enter_tls(bool offer_http2) {
    // Whatever was sent in the clear behind the SSLRequest is counted and then forgotten: a node
    // does not take it for part of the handshake, nor for anything after it (CVE-2021-23214).
    buffered_.clear();

    if (strikes_after(session_step::client_hello)) {
        co_await read_client_hello_unanswered();
        co_await strike(plays_.fault->kind);
        co_return false;
    }
    const bool completed = co_await transport_.accept_tls(*context_, offer_http2);
    record([&](connection_record& seen) {
        const auto& facts = transport_.facts();
        seen.client_hello_seen = facts.client_hello_seen;
        seen.tls_completed = facts.completed;
        seen.tls_version = facts.version;
        seen.sni = facts.sni;
        seen.alpn_offered = facts.alpn_offered;
        seen.alpn_selected = facts.alpn_selected;
        seen.client_certificate_subject = facts.client_subject;
    });
    phase_ = phase::plaintext;
    if (completed && strikes_after(session_step::handshake)) {
        co_await strike(plays_.fault->kind);
        co_return false;
    }
    co_return completed;
}

/// Direct TLS reaches the RPC server that shares the port.
asio::awaitable<void> fake_session::play_rpc_port() {
    record([](connection_record& seen) { seen.direct_tls = true; });
    const bool inside_tls = co_await enter_tls(true);
    if (inside_tls)
        co_await send(std::string{http2_settings});
}

asio::awaitable<void> fake_session::converse_inside_tls() {
    auto packet = co_await read_opening();
    if (!packet)
        co_return;
    if (packet->code == cancel_request_code)
        cancel_request_arrived(packet->body);
    else if (packet->code != ssl_request_code && packet->code != gssenc_request_code)
        co_await serve(std::move(*packet));
}

asio::awaitable<void> fake_session::serve(opening_packet startup) {
    const auto parameters = parse_startup_parameters(startup.body).value_or(parameter_map{});
    record([&](connection_record& seen) {
        seen.startup_version = startup.code;
        seen.startup = parameters;
    });

    if (!transport_.is_tls() && plays_.state != node_state::insecure)
        co_return co_await refuse("08P01", "node is running secure mode, SSL connection required");
    if (strikes_after(session_step::startup))
        co_return co_await strike(plays_.fault->kind);
    const bool agreed = co_await agree_on_version(startup.code, parameters);
    if (!agreed)
        co_return;
    if (plays_.state == node_state::draining || world_.draining)
        co_return co_await refuse("57P01",
                                  plays_.release == node_release::v19_1
                                      ? "server is not accepting clients"
                                      : "server is not accepting clients, try another node");
    if (plays_.state == node_state::full)
        co_return co_await refuse("53300", "sorry, too many clients already");

    const bool raw = plays_.session != session_mode::sql;
    if (!raw || world_.options.login_before_raw) {
        const bool logged_in = co_await log_in(parameters);
        if (!logged_in)
            co_return;
    }

    switch (plays_.session) {
    case session_mode::sql:
        co_return co_await sql();
    case session_mode::raw_echo:
        co_return co_await raw_echo();
    case session_mode::raw_flood:
        co_return co_await raw_flood();
    case session_mode::raw_sink:
        co_return co_await raw_sink();
    case session_mode::stop_reading:
        co_await wait_for_resume();
        co_return co_await raw_sink();
    }
}

asio::awaitable<bool> fake_session::agree_on_version(std::uint32_t version,
                                                     const parameter_map& parameters) {
    if (version == protocol_3_0)
        co_return true;
    if (major_version(version) != 3 || plays_.release != node_release::v26_1) {
        co_await refuse("XX000", "unknown protocol version " + std::to_string(version));
        co_return false;
    }

    std::string unknown_options;
    std::uint32_t unknown_count = 0;
    for (const auto& [name, value] : parameters) {
        if (name.starts_with("_pq_.")) {
            unknown_options += c_string(name);
            ++unknown_count;
        }
    }
    co_return co_await send(encode_message('v', encode_u32(protocol_3_0) +
                                                    encode_u32(unknown_count) + unknown_options));
}

asio::awaitable<bool> fake_session::log_in(const parameter_map& parameters) {
    const bool authenticated = co_await authenticate(parameters);
    if (!authenticated)
        co_return false;
    co_return co_await welcome();
}

asio::awaitable<bool> fake_session::authenticate(const parameter_map& parameters) {
    const auto found = parameters.find("user");
    const std::string user = found == parameters.end() ? std::string{} : found->second;
    const auto& certificate_user = transport_.facts().client_common_name;
    if (!certificate_user.empty() && certificate_user != user) {
        co_await refuse("28000", "requested user is " + user + ", but certificate is for " +
                                     certificate_user);
        co_return false;
    }

    if (world_.options.password && certificate_user.empty()) {
        constexpr std::uint32_t cleartext_password = 3;
        co_await send(encode_message('R', encode_u32(cleartext_password)));
        const auto answer = co_await read_message();
        if (!answer || answer->type != 'p' || answer->body.empty())
            co_return false;
        const auto given = answer->body.substr(0, answer->body.size() - 1);
        record([&](connection_record& seen) { seen.password = given; });
        if (given != *world_.options.password) {
            co_await refuse("28P01", "password authentication failed for user " + user);
            co_return false;
        }
    }
    co_return true;
}

asio::awaitable<bool> fake_session::welcome() {
    if (plays_.release != node_release::v19_1) {
        backend_key_ = make_backend_key(world_.options.sql_instance_id);
        world_.by_backend_key[backend_key_] = this;
    }
    // Noted first: a test that has read our ReadyForQuery may look at the record at once.
    logged_in_ = true;
    record([&](connection_record& seen) {
        seen.logged_in = true;
        seen.backend_key = backend_key_;
    });
    co_return co_await send(login_replies(plays_.release, backend_key_));
}

void fake_session::cancel_request_arrived(std::string_view body) {
    if (body.size() != 8)
        return;
    const auto key = (std::uint64_t{decode_u32(body)} << 32) | decode_u32(body.substr(4));
    record([&](connection_record& seen) { seen.cancel_key = key; });
    if (plays_.release == node_release::v19_1)
        return;
    if (const auto found = world_.by_backend_key.find(key); found != world_.by_backend_key.end())
        found->second->cancel_query();
}

// ---- ends -------------------------------------------------------------------------------------

asio::awaitable<void> fake_session::refuse(std::string_view code, std::string message) {
    error_fields fields;
    fields.severity = plays_.release == node_release::v19_1 ? "ERROR" : "FATAL";
    fields.code = code;
    fields.message = std::move(message);
    auto error = encode_error(fields);
    co_await send(std::move(error));
}

asio::awaitable<void> fake_session::strike(fault_kind kind) {
    switch (kind) {
    case fault_kind::hang:
        co_return co_await swallow();
    case fault_kind::reset:
        co_return co_await transport_.send_end(close_kind::reset);
    case fault_kind::close:
        co_return co_await transport_.send_end(close_kind::clean);
    }
}

/// Reads and records until the client leaves.
asio::awaitable<void> fake_session::swallow() {
    for (bool more = true; more; buffered_.clear())
        more = co_await read_more();
}

asio::awaitable<void> fake_session::read_client_hello_unanswered() {
    // RFC 8446 5.1: type, version (2), length (2).
    constexpr std::size_t record_header = 5;
    phase_ = phase::handshake;
    const bool has_header = co_await fill_to(record_header);
    if (!has_header)
        co_return;
    const std::size_t length =
        (static_cast<std::size_t>(static_cast<unsigned char>(buffered_[3])) << 8) |
        static_cast<unsigned char>(buffered_[4]);
    const bool complete = co_await fill_to(record_header + length);
    if (!complete)
        co_return;
    record([](connection_record& seen) { seen.client_hello_seen = true; });
    buffered_.clear();
}

bool fake_session::strikes_after(session_step step) const {
    return plays_.fault && plays_.fault->after == step;
}

// ---- bytes ------------------------------------------------------------------------------------

/// Nothing: the connection is over, or was ended here because the packet cannot be one.
asio::awaitable<std::optional<fake_session::opening_packet>> fake_session::read_opening() {
    const bool has_length = co_await fill_to(4);
    if (!has_length)
        co_return std::nullopt;
    const auto length = decode_u32(buffered_);
    if (length == 4) {
        co_await swallow(); // a message without a code: more is expected
        co_return std::nullopt;
    }
    if (length < 8) {
        co_await transport_.send_end(close_kind::reset);
        co_return std::nullopt;
    }
    if (length > longest_opening)
        co_return std::nullopt;
    const bool complete = co_await fill_to(length);
    if (!complete)
        co_return std::nullopt;

    opening_packet packet{decode_u32(std::string_view{buffered_}.substr(4)),
                          buffered_.substr(8, length - 8)};
    buffered_.erase(0, length);
    const bool known = packet.code == ssl_request_code || packet.code == gssenc_request_code ||
                       packet.code == cancel_request_code || major_version(packet.code) == 3;
    co_return known || transport_.is_tls() ? std::optional{std::move(packet)} : std::nullopt;
}

asio::awaitable<std::optional<pg_message>> fake_session::read_message() {
    constexpr std::size_t header = 5;
    const bool has_header = co_await fill_to(header);
    if (!has_header)
        co_return std::nullopt;
    const std::size_t length = decode_u32(std::string_view{buffered_}.substr(1));
    constexpr std::size_t longest = 64 << 20;
    if (length < 4 || length > longest)
        co_return std::nullopt;
    const bool complete = co_await fill_to(1 + length);
    co_return complete ? take_message(buffered_) : std::nullopt;
}

asio::awaitable<bool> fake_session::read_more() {
    const auto size = co_await transport_.read(scratch_);
    buffered_.append(scratch_.data(), size);
    store({scratch_.data(), size});
    co_return size > 0;
}

asio::awaitable<bool> fake_session::fill_to(std::size_t size) {
    bool more = true;
    while (more && buffered_.size() < size)
        more = co_await read_more();
    co_return more;
}

asio::awaitable<bool> fake_session::send(std::string bytes) {
    co_return co_await transport_.write(bytes);
}

void fake_session::store(std::string_view bytes) {
    if (bytes.empty())
        return;
    const auto keep = [&](std::string& kept, std::uint64_t& count) {
        const auto cap = world_.options.stored_bytes_cap;
        kept.append(bytes.substr(0, cap - std::min(cap, kept.size())));
        count += bytes.size();
    };
    record([&](connection_record& seen) {
        switch (phase_) {
        case phase::before_tls:
            return keep(seen.before_tls, seen.before_tls_count);
        case phase::handshake:
            return keep(seen.handshake_bytes, seen.handshake_count);
        case phase::plaintext:
        case phase::raw:
            return keep(seen.plaintext, seen.plaintext_count);
        }
    });
    if (phase_ == phase::raw)
        hash_raw(bytes);
}

} // namespace roachpin::test
