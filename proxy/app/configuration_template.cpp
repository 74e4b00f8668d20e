#include "app/configuration_template.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace roachpin::app {
namespace {

constexpr std::string_view head =
    R"(# roachpin's configuration. Relative paths start at this file's folder; unknown keys and bad values
# are errors, all reported at once. What is not here has a default.
#
# To be filled in is what roachpin init could not know. Then: roachpin run -c FILE

# Where applications connect to, instead of the database.
listeners:
)";

constexpr std::string_view listener_tls =
    R"(    # So that connection strings with sslmode=require go on working: a certificate for localhost,
    # made at start. Applications with sslmode=verify-full need export_file: FILE beside auto, and
    # sslrootcert=FILE.
    tls: {auto: true}

cluster:
  # The only authority whose word counts, whatever the system trusts: the cluster's own CA, made by
  # cockroach cert create-ca, or downloaded from CockroachDB Cloud.
)";

constexpr std::string_view client_certificate =
    R"(
  # A certificate to present to the nodes. CockroachDB takes it for a login: every application that
  # reaches roachpin could become that user without a password. To use one, remove its two #; the
  # key must be of mode 0600.
)";

constexpr std::string_view nodes =
    R"(
  # The machines of the database. host is what a node's certificate must carry among its subject
  # alternative names, a name or an IP address (not localhost, which the certificate of every node
  # carries). addresses is where it is: pinned, no DNS.
  nodes:
)";

constexpr std::string_view node_to_fill_in =
    R"(    - host: crdb-0.crdb.internal  # fill in
      port: 26257
      addresses: []               # fill in, such as [10.1.2.3]; or, where addresses come and go,
                                  # allow: [10.1.0.0/16] instead, and resolver.servers below
)";

constexpr std::string_view resolution =
    R"(
# Who is asked for the names of nodes without addresses; nothing else of the system is looked at.
# An answer outside allow is refused before a packet is sent.
resolver:
  servers: []                     # fill in, such as [10.0.0.53], or system (/etc/resolv.conf)
)";

constexpr std::string_view health_page =
    R"(
# A page of each node, asked for by HTTPS. It may take a node out of rotation, never admit one:
# that takes a verifying dial of its SQL port, which is made in any case.
health:
  http:
    enabled: true
)";

bool is_resolved(const draft_node& node) {
    return node.addresses.empty();
}

/// "    # It is also called a, b", in lines.
std::string names_text(const std::vector<core::host_name>& names) {
    std::string text;
    for (const auto& name : names) {
        text += (text.empty() ? "    # Its certificate also carries:\n" : "") +
                ("    #   " + name.text() + "\n");
    }
    return text;
}

std::string where_text(const draft_node& node) {
    if (is_resolved(node)) {
        return "      allow: []                   # fill in: the networks its addresses are in, "
               "such "
               "as\n"
               "                                  # [10.1.0.0/16]; or addresses: [10.1.2.3] "
               "instead\n";
    }
    std::string list;
    for (const auto& address : node.addresses) {
        list += (list.empty() ? "" : ", ") + yaml_scalar(address.to_string());
    }
    return "      addresses: [" + list + "]\n";
}

std::string node_text(const draft_node& node) {
    return names_text(node.also_called) + "    - host: " + yaml_scalar(node.host.text()) + "\n" +
           "      port: " + std::to_string(node.port) + "\n" + where_text(node);
}

std::string clients_text(const std::vector<draft_client>& clients) {
    std::string text(clients.empty() ? "" : client_certificate);
    for (const auto& client : clients) {
        text += "  # " + yaml_scalar(client.user) + ":\n" +
                "#  client_cert_file: " + yaml_scalar(client.certificate) + "\n" +
                "#  client_key_file: " + yaml_scalar(client.key) + "\n";
    }
    return text;
}

std::string nodes_text(const std::vector<draft_node>& known) {
    std::string text(nodes);
    for (const auto& node : known) {
        text += node_text(node);
    }
    text += known.empty() ? node_to_fill_in : "";
    const bool asks = std::any_of(known.begin(), known.end(), is_resolved);
    return text + std::string(asks ? resolution : "");
}

/// What ends a line in YAML 1.1 and needs more than one octet of UTF-8, and how it is written.
const std::pair<std::string_view, std::string_view>* wide_break(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> breaks{
        {{"\xc2\x85", "\\u0085"}, {"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"}}};
    const auto* found = std::find_if(breaks.begin(), breaks.end(),
                                     [&](const auto& one) { return text.starts_with(one.first); });
    return found == breaks.end() ? nullptr : found;
}

std::string health_text(const std::optional<draft_page>& page) {
    if (!page) {
        return "";
    }
    return std::string(health_page) + "    port: " + std::to_string(page->port) +
           "\n    path: " + yaml_scalar(page->path) + "\n";
}

} // namespace

std::string yaml_scalar(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string written = "\"";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto octet = static_cast<unsigned char>(c);
        if (const auto* wide = wide_break(text.substr(i))) {
            written += wide->second;
            i += wide->first.size() - 1;
        } else if (c == '"' || c == '\\') {
            written += '\\';
            written += c;
        } else if (octet < 0x20 || octet == 0x7f) {
            written += "\\x";
            written += digits[octet >> 4U];
            written += digits[octet & 0xfU];
        } else {
            written += c;
        }
    }
    return written + "\"";
}

std::string to_text(const draft& known) {
    const auto bind = known.bind ? known.bind->to_string() : "127.0.0.1:26257";
    return std::string(head) + "  - bind: " + yaml_scalar(bind) + "\n" + std::string(listener_tls) +
           "  ca_file: " + yaml_scalar(known.ca_file) + "\n" + clients_text(known.clients) +
           nodes_text(known.nodes) + health_text(known.health) +
           (known.balance.empty() ? "" : "\nbalance: " + yaml_scalar(known.balance) + "\n");
}

} // namespace roachpin::app
