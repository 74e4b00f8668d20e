#include "support/fake_cockroach.hpp"

#include <boost/json.hpp>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <mutex>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

// The fake node as a program, for tests that run the real proxy. Events come as JSON, one a line,
// on standard output; with --stdin it takes commands, one a line, on standard input.

namespace json = boost::json;
using namespace roachpin::test;

namespace {

constexpr std::string_view help = R"(fake_cockroach --cert FILE --key FILE [option…]
  --behaviour NAME      what it plays (default secure)
  --list-behaviours     names and what they mean
  --bind IP:PORT        default 127.0.0.1:0
  --ca FILE             verifies client certificates
  --client-certs WHAT   ignore, request (default) or require
  --password TEXT       cleartext password; without: trust
  --tls-min V, --tls-max V   1.0 1.1 1.2 1.3
  --instance N          the SQL instance that its cancel keys name (default 1)
  --tickets N           TLS session tickets per handshake
  --key-update-every N  bytes, in raw-echo and raw-flood
  --flood-bytes N       raw-flood
  --raw-without-login   raw modes start right after the StartupMessage
  --stdin               commands on standard input, whose end ends the program:
                        play NAME, close clean|abrupt|reset, drain, resume, listen on|off,
                        present CERT KEY
Events on standard output: listening, connection (one that ended), done, failed.
SIGTERM and SIGINT end it.
)";

class usage_error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct arguments {
    fake_cockroach_options options;
    std::string cert_file;
    std::string key_file;
    bool commands_on_stdin = false;
    bool help = false;
    bool list_behaviours = false;
};

std::string read_file(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    if (!file)
        throw std::runtime_error{"cannot read " + path};
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

identity identity_of(const std::string& cert_file, const std::string& key_file) {
    identity made;
    made.certificate_pem = read_file(cert_file); // a chain is fine
    made.private_key_pem = read_file(key_file);
    return made;
}

template <class Number>
Number to_number(const std::string& text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw usage_error{"not a number in range: " + text};
    return value;
}

tls_version to_tls_version(const std::string& text) {
    if (text == "1.0")
        return tls_version::v1_0;
    if (text == "1.1")
        return tls_version::v1_1;
    if (text == "1.2")
        return tls_version::v1_2;
    if (text == "1.3")
        return tls_version::v1_3;
    throw usage_error{"no such TLS version: " + text};
}

client_certificates to_client_policy(const std::string& text) {
    if (text == "ignore")
        return client_certificates::ignore;
    if (text == "request")
        return client_certificates::request;
    if (text == "require")
        return client_certificates::require;
    throw usage_error{"--client-certs is ignore, request or require"};
}

void set_bind(fake_cockroach_options& options, const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos)
        throw usage_error{"--bind needs IP:PORT"};
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    options.bind = host;
    options.port = to_number<std::uint16_t>(text.substr(colon + 1));
}

arguments parse_arguments(int count, char** words) {
    arguments parsed;
    auto& options = parsed.options;
    for (int i = 1; i < count; ++i) {
        const std::string name = words[i];
        const auto value = [&]() -> std::string {
            if (++i == count)
                throw usage_error{name + " needs a value"};
            return words[i];
        };
        if (name == "--cert")
            parsed.cert_file = value();
        else if (name == "--key")
            parsed.key_file = value();
        else if (name == "--ca")
            options.client_ca_pem = read_file(value());
        else if (name == "--client-certs")
            options.client_policy = to_client_policy(value());
        else if (name == "--bind")
            set_bind(options, value());
        else if (name == "--behaviour")
            options.plays = behaviour_named(value());
        else if (name == "--password")
            options.password = value();
        else if (name == "--tls-min")
            options.min_tls = to_tls_version(value());
        else if (name == "--tls-max")
            options.max_tls = to_tls_version(value());
        else if (name == "--instance")
            options.sql_instance_id = to_number<std::uint32_t>(value());
        else if (name == "--tickets")
            options.session_tickets = to_number<unsigned>(value());
        else if (name == "--key-update-every")
            options.key_update_every = to_number<std::uint64_t>(value());
        else if (name == "--flood-bytes")
            options.flood_bytes = to_number<std::uint64_t>(value());
        else if (name == "--raw-without-login")
            options.login_before_raw = false;
        else if (name == "--stdin")
            parsed.commands_on_stdin = true;
        else if (name == "--list-behaviours")
            parsed.list_behaviours = true;
        else if (name == "--help")
            parsed.help = true;
        else
            throw usage_error{"unknown option " + name};
    }
    if (parsed.help || parsed.list_behaviours)
        return parsed;
    if (parsed.cert_file.empty() || parsed.key_file.empty())
        throw usage_error{"--cert and --key are needed"};
    options.server = identity_of(parsed.cert_file, parsed.key_file);
    return parsed;
}

/// Lines come from the server's thread and from main; none may be torn.
void print_line(const json::value& event) {
    static std::mutex mutex;
    const std::lock_guard lock{mutex};
    std::cout << json::serialize(event) << std::endl;
}

std::string hexadecimal(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) {
        text += "0123456789abcdef"[static_cast<unsigned char>(byte) >> 4];
        text += "0123456789abcdef"[static_cast<unsigned char>(byte) & 15];
    }
    return text;
}

/// JSON has to be UTF-8; what clients send need not be.
std::string printable(std::string_view bytes) {
    std::string text{bytes};
    for (char& byte : text) {
        if (static_cast<unsigned char>(byte) >= 0x80)
            byte = '?';
    }
    return text;
}

json::array printable(const std::vector<std::string>& texts) {
    json::array list;
    for (const auto& text : texts)
        list.emplace_back(printable(text));
    return list;
}

json::object to_json(const connection_record& seen) {
    json::object startup;
    for (const auto& [name, value] : seen.startup)
        startup[printable(name)] = printable(value);
    return {
        {"event", "connection"},
        {"id", seen.id},
        {"peer", seen.peer},
        {"before_tls_hex", hexadecimal(seen.before_tls)},
        {"before_tls_count", seen.before_tls_count},
        {"handshake_count", seen.handshake_count},
        {"direct_tls", seen.direct_tls},
        {"client_hello_seen", seen.client_hello_seen},
        {"tls_completed", seen.tls_completed},
        {"tls_version", seen.tls_version},
        {"sni", seen.sni ? json::value(printable(*seen.sni)) : json::value()},
        {"alpn_offered", printable(seen.alpn_offered)},
        {"alpn_selected", seen.alpn_selected},
        {"client_certificate_subject", printable(seen.client_certificate_subject)},
        {"plaintext_hex", hexadecimal(seen.plaintext)},
        {"plaintext_count", seen.plaintext_count},
        {"startup_version", seen.startup_version},
        {"startup", startup},
        {"logged_in", seen.logged_in},
        {"backend_key", seen.backend_key},
        {"cancel_key", seen.cancel_key ? json::value(*seen.cancel_key) : json::value()},
        {"queries", printable(seen.queries)},
        {"raw_received", seen.raw_received},
        {"raw_sha256", seen.raw_sha256},
        {"raw_sent", seen.raw_sent},
        {"end", to_string(seen.end)},
        {"end_detail", seen.end_detail},
    };
}

fake_cockroach::close_kind to_close_kind(const std::string& text) {
    if (text == "clean")
        return fake_cockroach::close_kind::clean;
    if (text == "abrupt")
        return fake_cockroach::close_kind::abrupt;
    if (text == "reset")
        return fake_cockroach::close_kind::reset;
    throw usage_error{"close clean, abrupt or reset"};
}

void obey(fake_cockroach& node, const std::string& line) {
    std::istringstream words{line};
    std::string verb;
    std::string object;
    words >> verb >> object;
    if (verb == "play") {
        node.play(behaviour_named(object));
    } else if (verb == "close") {
        node.close_all(to_close_kind(object));
    } else if (verb == "drain") {
        node.drain();
    } else if (verb == "resume") {
        node.resume();
    } else if (verb == "present") {
        std::string key_file;
        words >> key_file;
        node.present(identity_of(object, key_file));
    } else if (verb == "listen" && object == "on") {
        node.start_listening();
    } else if (verb == "listen" && object == "off") {
        node.stop_listening();
    } else {
        throw usage_error{"unknown command"};
    }
}

void obey_and_answer(fake_cockroach& node, const std::string& line) {
    try {
        obey(node, line);
        print_line({{"event", "done"}, {"command", printable(line)}});
    } catch (const std::exception& error) {
        print_line({{"event", "failed"}, {"command", printable(line)}, {"reason", error.what()}});
    }
}

/// Returns on SIGTERM or SIGINT, or at the end of standard input where that is listened to.
void serve(fake_cockroach& node, int signals, bool commands_on_stdin) {
    std::string pending;
    for (;;) {
        std::array<pollfd, 2> watched{pollfd{signals, POLLIN, 0},
                                      pollfd{commands_on_stdin ? STDIN_FILENO : -1, POLLIN, 0}};
        if (::poll(watched.data(), watched.size(), -1) < 0)
            continue;
        if (watched[0].revents != 0)
            return;
        std::array<char, 4096> chunk{};
        const auto size = ::read(STDIN_FILENO, chunk.data(), chunk.size());
        if (size <= 0)
            return;
        pending.append(chunk.data(), static_cast<std::size_t>(size));
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            obey_and_answer(node, pending.substr(0, end));
            pending.erase(0, end + 1);
        }
    }
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void list_behaviours() {
    for (const auto& one : named_behaviours())
        std::printf("%-26.*s %.*s\n", static_cast<int>(one.name.size()), one.name.data(),
                    static_cast<int>(one.summary.size()), one.summary.data());
}

int run(int count, char** words) {
    auto parsed = parse_arguments(count, words);
    if (parsed.help) {
        std::cout << help;
        return 0;
    }
    if (parsed.list_behaviours) {
        list_behaviours();
        return 0;
    }

    // Blocked before the server's thread starts, which inherits it: signals come by descriptor
    // only.
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigprocmask(SIG_BLOCK, &stops, nullptr);
    const int signals = ::signalfd(-1, &stops, SFD_CLOEXEC);
    raise_descriptor_limit();

    parsed.options.on_finished = [](const connection_record& seen) {
        print_line(to_json(seen));
    };
    fake_cockroach node{std::move(parsed.options)};
    print_line({{"event", "listening"}, {"port", node.port()}, {"address", node.address()}});
    serve(node, signals, parsed.commands_on_stdin);
    return 0;
}

} // namespace

int main(int count, char** words) {
    try {
        return run(count, words);
    } catch (const usage_error& error) {
        std::cerr << "fake_cockroach: " << error.what() << "\n\n" << help;
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "fake_cockroach: " << error.what() << '\n';
        return 1;
    }
}
