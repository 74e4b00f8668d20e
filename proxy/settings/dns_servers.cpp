#include "settings/dns_servers.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

namespace roachpin::settings {
namespace {

constexpr std::uint16_t domain_port = 53;
constexpr std::uint16_t domain_tls_port = 853; // RFC 7858 section 3.1

core::error not_a_server(std::string_view text) {
    return {"\"" + std::string(text) +
            "\" is not a DNS server; write its address (asked over TCP), udp://10.0.0.54:53, "
            "tls://10.0.0.55:853#name-in-its-certificate, or system"};
}

/// "10.0.0.53", "fd00::53" and "[fd00::53]", with a port where there are brackets or dots.
std::optional<core::endpoint> parse_place(std::string_view text, std::uint16_t default_port) {
    if (auto address = core::ip_address::parse(text)) {
        return core::endpoint{*address, default_port};
    }
    if (text.starts_with('[') && text.ends_with(']')) {
        const auto address = core::ip_address::parse(text.substr(1, text.size() - 2));
        return address && !address->is_v4() ? std::optional(core::endpoint{*address, default_port})
                                            : std::nullopt;
    }
    const auto place = core::endpoint::parse(text);
    return place && place->port != 0 ? std::optional(*place) : std::nullopt;
}

bool takes(std::string_view& text, std::string_view scheme) {
    const bool is_it = text.starts_with(scheme);
    text.remove_prefix(is_it ? scheme.size() : 0);
    return is_it;
}

/// Linux takes a packet to 0.0.0.0 for one to this machine: whoever listens here would answer.
core::result<core::endpoint> server_at(std::string_view text, std::string_view place,
                                       std::uint16_t default_port) {
    const auto where = parse_place(place, default_port);
    if (!where) {
        return not_a_server(text);
    }
    if (where->address.is_unspecified()) {
        return core::error{where->address.to_string() +
                           " is no machine's address; write the server's own"};
    }
    return *where;
}

core::result<dns_server> parse_tls_server(std::string_view text, std::string_view place) {
    const auto hash = place.find('#');
    const auto where = server_at(text, place.substr(0, hash), domain_tls_port);
    if (!where) {
        return where.error();
    }
    if (hash == std::string_view::npos) { // its certificate must carry the address
        return dns_server{std::string(text), dns_transport::tls, *where,
                          *core::host_name::parse(where->address.to_string())};
    }
    const auto name = core::host_name::parse(place.substr(hash + 1));
    if (!name) {
        return core::error{"what follows # in \"" + std::string(text) +
                           "\" is not a name that a certificate carries; write the server's "
                           "own, such as tls://10.0.0.55:853#dns.internal, or nothing where its "
                           "certificate carries the address"};
    }
    return dns_server{std::string(text), dns_transport::tls, *where, *name};
}

/// resolv.conf(5): "nameserver ADDRESS", the keyword at the beginning of the line.
std::optional<std::string> nameserver_of(const std::string& line) {
    std::istringstream words(line);
    std::string keyword;
    std::string address;
    const bool is_one = line.starts_with("nameserver") && words >> keyword >> address;
    return is_one && keyword == "nameserver" ? std::optional(address) : std::nullopt;
}

/// "fe80::1%eth0" is refused too: an address of ours has no zone, and without it leads nowhere.
core::result<dns_server> system_server(const std::string& text, const std::string& path) {
    const auto address = core::ip_address::parse(text);
    if (!address || address->is_unspecified()) {
        return core::error{path + " has the nameserver \"" + text +
                           "\", which is no address that can be asked from here; name the servers "
                           "in this list instead of system"};
    }
    return dns_server{text, dns_transport::tcp, {*address, domain_port}};
}

/// What the system names twice is not for our operator to mend.
void add_once(std::vector<dns_server>& servers, dns_server added) {
    if (std::none_of(servers.begin(), servers.end(),
                     [&](const auto& earlier) { return earlier.where == added.where; })) {
        servers.push_back(std::move(added));
    }
}

} // namespace

core::result<dns_server> parse_dns_server(std::string_view text) {
    auto place = text;
    if (takes(place, "tls://")) {
        return parse_tls_server(text, place);
    }
    const auto transport = takes(place, "udp://") ? dns_transport::udp : dns_transport::tcp;
    const auto where = server_at(text, place, domain_port);
    if (!where) {
        return where.error();
    }
    return dns_server{std::string(text), transport, *where};
}

core::result<std::vector<dns_server>> system_servers(const std::filesystem::path& resolv_conf) {
    constexpr const char* instead = "; name the servers in this list instead of system";
    const auto path = resolv_conf.string();
    errno = 0; // streams fail silently; what the system said stays there
    std::ifstream file(path);
    if (!file) {
        return core::error{core::system_error("cannot read " + path).sentence + instead};
    }
    std::vector<dns_server> servers;
    for (std::string line; std::getline(file, line);) {
        if (const auto address = nameserver_of(line)) {
            auto server = system_server(*address, path);
            if (!server) {
                return server.error();
            }
            add_once(servers, std::move(*server));
        }
    }
    if (servers.empty()) {
        return core::error{path + " names no nameserver" + instead};
    }
    return servers;
}

} // namespace roachpin::settings
