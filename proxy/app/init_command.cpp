#include "app/init_command.hpp"

#include "app/certs_dir.hpp"
#include "app/configuration_template.hpp"
#include "app/exit_code.hpp"
#include "app/haproxy_file.hpp"
#include "app/prepare.hpp"
#include "app/write_file.hpp"
#include "core/printable.hpp"
#include "settings/files.hpp"
#include "settings/parse.hpp"
#include "tls/library.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace roachpin::app {
namespace {

/// Names with more labels come first: search domains are not looked at, so that a short name is
/// rarely one that can be asked for.
std::optional<draft_node> node_called(std::vector<core::host_name> hosts) {
    if (hosts.empty()) {
        return std::nullopt;
    }
    const auto labels = [](const core::host_name& host) {
        return host.ip() ? -1 : std::count(host.text().begin(), host.text().end(), '.');
    };
    std::stable_sort(hosts.begin(), hosts.end(),
                     [&](const auto& a, const auto& b) { return labels(a) > labels(b); });
    draft_node node{.host = hosts.front()};
    for (const auto& host : hosts) {
        if (host.ip()) {
            node.addresses.push_back(*host.ip());
        } else if (host != node.host) {
            node.also_called.push_back(host);
        }
    }
    std::sort(node.addresses.begin(), node.addresses.end());
    node.addresses.erase(std::unique(node.addresses.begin(), node.addresses.end()),
                         node.addresses.end());
    return node;
}

bool take_certs_dir(const std::string& folder, draft& known) {
    tls::initialise();
    const auto read = read_certs_dir(folder);
    if (!read) {
        tell("--from-certs-dir: " + read.error().sentence);
        return false;
    }
    for (const auto& notice : read->notices) {
        tell(notice);
    }
    known.ca_file = read->ca.string();
    for (const auto& client : read->clients) {
        known.clients.push_back({client.user, client.certificate.string(), client.key.string()});
    }
    if (auto node = node_called(read->hosts)) {
        known.nodes.push_back(std::move(*node));
    }
    return true;
}

std::vector<draft_node> nodes_of(const haproxy_file& read) {
    std::vector<draft_node> nodes;
    for (const auto& server : read.servers) {
        draft_node node{.host = server.host, .port = server.port};
        if (const auto& address = server.host.ip()) {
            node.addresses.push_back(*address);
        }
        nodes.push_back(std::move(node));
    }
    return nodes;
}

bool take_haproxy(const std::string& file, draft& known) {
    const auto shown = core::printable(file);
    const auto text = settings::contents_of(file);
    if (!text) {
        tell("--from-haproxy: " + shown + ": " + text.error().sentence);
        return false;
    }
    const auto read = read_haproxy(*text);
    for (const auto& notice : read.notices) {
        tell(std::string(shown).append(":").append(notice));
    }
    if (read.servers.empty()) {
        tell(shown + ": no server was found in it");
    } else {
        known.nodes = nodes_of(read);
    }
    known.bind = read.bind;
    known.balance = read.balance.value_or("");
    if (read.check) {
        known.health = draft_page{read.check->path, read.check->port};
    }
    return true;
}

/// Whether something is there, were it a link that leads nowhere.
bool is_there(const std::string& file) {
    std::error_code unknown;
    return std::filesystem::exists(std::filesystem::symlink_status(file, unknown));
}

bool write(const init_flags& flags, const std::string& text) {
    if (flags.output.empty()) {
        std::cout << text << std::flush;
        if (!std::cout) {
            tell("cannot write to stdout");
        }
        return static_cast<bool>(std::cout);
    }
    if (is_there(flags.output) && !flags.force) {
        tell(core::printable(flags.output) + ": is there already; --force replaces it");
        return false;
    }
    if (const auto failed = write_file(flags.output, text)) {
        tell(core::printable(failed->sentence, 1024));
        return false;
    }
    return true;
}

/// The parser knows best: what it refuses is what is left to do, with the lines to do it in.
void say_what_is_left(const std::string& output, const std::string& text) {
    const auto parsed = settings::parse(text, output.empty() ? "(stdout)" : output,
                                        settings::process_environment());
    if (parsed) {
        return;
    }
    tell("left to fill in, before roachpin run starts:");
    std::cerr << settings::to_string(parsed.error());
}

} // namespace

int init(const init_flags& flags) {
    draft known;
    const bool is_read =
        (flags.from_certs_dir.empty() || take_certs_dir(flags.from_certs_dir, known)) &&
        (flags.from_haproxy.empty() || take_haproxy(flags.from_haproxy, known));
    const auto text = to_text(known);
    if (!is_read || !write(flags, text)) {
        return bad_configuration_or_usage;
    }
    say_what_is_left(flags.output, text);
    return ok;
}

} // namespace roachpin::app
