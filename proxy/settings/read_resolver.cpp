#include "settings/read_resolver.hpp"

#include "settings/dns_servers.hpp"
#include "settings/files.hpp"
#include "settings/values.hpp"

#include <algorithm>

namespace roachpin::settings {
namespace {

using policy::dnssec_mode;

/// More servers than anyone has to agree with each other; a longer list is a slip.
constexpr std::size_t most_servers = 16;

core::result<std::vector<dns_server>> parse_entry(std::string_view text,
                                                  const std::filesystem::path& resolv_conf) {
    if (text == "system") {
        return system_servers(resolv_conf);
    }
    auto server = parse_dns_server(text);
    if (!server) {
        return server.error();
    }
    return std::vector{std::move(*server)};
}

struct placed_entry {
    std::vector<dns_server> servers; ///< of `system`, all of them
    place where;
};

std::vector<placed_server> read_servers(mapping& in, const std::filesystem::path& resolv_conf) {
    std::vector<placed_entry> entries;
    const auto parse = [&](const scalar& value) -> core::result<placed_entry> {
        auto servers = parse_entry(value.text, resolv_conf);
        if (!servers) {
            return servers.error();
        }
        return placed_entry{std::move(*servers), value.where};
    };
    in.list_or_one("servers", entries, parse);
    std::vector<placed_server> all;
    for (auto& entry : entries) {
        for (auto& server : entry.servers) {
            all.push_back({std::move(server), entry.where});
        }
    }
    return all;
}

/// The transport makes no difference: over UDP and TCP it is one server, and over TLS and TCP one
/// that may be asked without proof.
void check_twice(const std::vector<placed_server>& servers, mapping& in) {
    for (auto later = servers.begin(); later != servers.end(); ++later) {
        const auto earlier = std::find_if(servers.begin(), later, [&](const auto& other) {
            return other.value.where == later->value.where;
        });
        if (earlier != later) {
            in.pass().complain(later->where, later->value.text + " is in this list already, as " +
                                                 earlier->value.text +
                                                 "; one server agrees with itself: keep one");
        }
    }
}

void check_servers(const std::vector<placed_server>& servers, mapping& in) {
    check_twice(servers, in);
    if (servers.size() > most_servers) {
        in.complain("servers", std::to_string(servers.size()) +
                                   " servers are more than can be asked; name at most " +
                                   std::to_string(most_servers));
    }
}

/// Only what cannot be changed on the way may say that it has validated (RFC 4035 section 4.9.3).
void check_authenticated(const std::vector<placed_server>& servers, mapping& in) {
    for (const auto& [server, where] : servers) {
        if (server.transport != dns_transport::tls && !server.where.address.is_loopback()) {
            in.pass().complain(where, "dnssec: require_ad believes what the server says of its "
                                      "validation, and anybody between here and " +
                                          server.text +
                                          " can say it too; use a tls:// server or one on "
                                          "loopback, or dnssec: validate");
        }
    }
}

void check_validating(const std::vector<placed_server>& servers, mapping& in) {
    if (!in.has_value("trust_anchor_file")) {
        in.complain("trust_anchor_file", "dnssec: validate starts from DS or DNSKEY records that "
                                         "you trust; name the file that holds them");
    }
    for (const auto& [server, where] : servers) {
        if (server.transport == dns_transport::tls) {
            in.pass().complain(where, "dnssec: validate asks over UDP and TCP only; write the "
                                      "server without tls://, or dnssec: require_ad");
        }
    }
}

void check_dnssec(const resolver& read, const std::vector<placed_server>& servers, mapping& in) {
    if (read.dnssec == dnssec_mode::require_ad) {
        check_authenticated(servers, in);
    }
    if (read.dnssec == dnssec_mode::validate) {
        check_validating(servers, in);
    } else if (in.has_value("trust_anchor_file")) {
        in.complain("trust_anchor_file", "nothing is validated here without dnssec: validate; set "
                                         "that, or leave trust_anchor_file out");
    }
}

void check_roots(const std::vector<placed_server>& servers, mapping& in) {
    const auto tls = std::find_if(servers.begin(), servers.end(), [](const auto& server) {
        return server.value.transport == dns_transport::tls;
    });
    if (tls != servers.end() && !in.has_value("ca_file")) {
        in.complain("ca_file", tls->value.text + " must prove who it is; name the file with the "
                                                 "roots that its certificate ends at");
    }
    if (tls == servers.end() && in.has_value("ca_file")) {
        in.complain("ca_file", "no server is asked over TLS, so none proves anything; write "
                               "tls:// before a server, or leave ca_file out");
    }
}

void check_agreement(const resolver& read, std::size_t servers, mapping& in) {
    if (servers > 0 && read.agreement > servers) {
        in.complain("agreement", std::to_string(read.agreement) + " servers cannot agree where " +
                                     std::to_string(servers) + (servers == 1 ? " is" : " are") +
                                     " asked: no address would ever be used; name more servers, "
                                     "or lower it");
    }
}

void read_refresh(mapping& in, resolver& read) {
    const bool least = in.value("refresh_min", read.refresh_min, parse_positive_duration);
    const bool most = in.value("refresh_max", read.refresh_max, parse_positive_duration);
    if (least && most && read.refresh_min > read.refresh_max) {
        in.complain(in.is_present("refresh_min") ? "refresh_min" : "refresh_max",
                    "refresh_min (5s unless set) is longer than refresh_max (60s unless set); set "
                    "both, the shorter one as refresh_min");
    }
}

void read_times(mapping& in, resolver& read) {
    in.value("timeout", read.timeout, parse_positive_duration);
    read_refresh(in, read);
    in.value("removal_hold", read.removal_hold, parse_duration);
    in.value("max_stale", read.max_stale, parse_duration);
}

} // namespace

resolver read_resolver(mapping& in, const std::filesystem::path& base,
                       const std::filesystem::path& resolv_conf) {
    resolver read;
    const auto before = in.pass().problems.size();
    const auto servers = read_servers(in, resolv_conf);
    const bool servers_are_known = in.pass().problems.size() == before;
    read.ca = in.optional("ca_file", readable_file{base});
    in.value("agreement", read.agreement, between<std::size_t>{1, most_servers});
    in.value("dnssec", read.dnssec,
             one_of<dnssec_mode>{{{"off", dnssec_mode::off},
                                  {"require_ad", dnssec_mode::require_ad},
                                  {"validate", dnssec_mode::validate}}});
    read.trust_anchor = in.optional("trust_anchor_file", readable_file{base});
    read_times(in, read);
    in.value("max_addresses", read.max_addresses, between<std::size_t>{1, 1000});
    if (servers_are_known) {
        check_servers(servers, in);
        check_roots(servers, in);
        check_dnssec(read, servers, in);
        check_agreement(read, servers.size(), in);
    }
    for (const auto& server : servers) {
        read.servers.push_back(server.value);
    }
    return read;
}

} // namespace roachpin::settings
