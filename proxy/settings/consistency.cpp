#include "settings/consistency.hpp"

#include <algorithm>
#include <filesystem>

namespace roachpin::settings {
namespace {

bool has_chosen_port(const core::bind_address& bind) {
    const auto* tcp = std::get_if<core::endpoint>(&bind);
    return tcp == nullptr || tcp->port != 0;
}

/// "listeners[0] (line 3)"
std::string named(const place& where) {
    const auto text = where.path;
    return where.line == 0 ? text : text + " (line " + std::to_string(where.line) + ")";
}

std::vector<core::ip_address> pinned_addresses(const placed_node& node) {
    const auto* way = std::get_if<pinned>(&node.value.found);
    return way == nullptr ? std::vector<core::ip_address>{} : way->addresses;
}

void check_addresses(const placed_node& node, reading& pass) {
    const auto addresses = pinned_addresses(node);
    for (auto later = addresses.begin(); later != addresses.end(); ++later) {
        if (std::find(addresses.begin(), later, *later) != later) {
            pass.complain(node.addresses[static_cast<std::size_t>(later - addresses.begin())],
                          later->to_string() + " is in this list already; keep one");
        }
    }
}

/// Whether a connection to `target` arrives at a socket bound to `bind`. "[::]" may take IPv4 as
/// well (IPV6_V6ONLY), so it is held to cover both.
bool arrives_at(const core::endpoint& target, const core::endpoint& bind) {
    if (target.port != bind.port) {
        return false;
    }
    const bool same_family = target.address.kind() == bind.address.kind();
    const bool is_covered = bind.address.is_unspecified() && target.address.is_loopback() &&
                            (same_family || !bind.address.is_v4());
    return target.address == bind.address || is_covered;
}

/// Whether every address of its family covers `bind` at the same port: the kernel lets both be
/// bound (SO_REUSEPORT), and whose rules a client meets would be a riddle.
bool is_within(const core::bind_address& bind, const core::bind_address& every) {
    const auto* one = std::get_if<core::endpoint>(&bind);
    const auto* wide = std::get_if<core::endpoint>(&every);
    return one != nullptr && wide != nullptr && wide->address.is_unspecified() &&
           wide->port == one->port && wide->address.kind() == one->address.kind();
}

bool collide(const core::bind_address& one, const core::bind_address& other) {
    return one == other || is_within(one, other) || is_within(other, one);
}

/// "/run/./a" and "/run/a" are one socket.
std::filesystem::path normal(const core::unix_path& socket) {
    return std::filesystem::path(socket.path).lexically_normal();
}

} // namespace

void check_binds(const std::vector<placed_listener>& listeners, reading& pass) {
    for (auto later = listeners.begin(); later != listeners.end(); ++later) {
        const auto& bind = later->value.bind;
        const auto earlier = std::find_if(listeners.begin(), later, [&](const auto& other) {
            return collide(bind, other.value.bind);
        });
        if (earlier != later && has_chosen_port(bind)) {
            pass.complain(later->bind, core::to_string(bind) + " is already taken by " +
                                           named(earlier->bind) + "; choose another");
        }
    }
}

void check_admin(const placed_admin& read, const std::vector<placed_listener>& listeners,
                 reading& pass) {
    const auto refuse_taken = [&](const core::bind_address& bind, const place& where,
                                  const auto& is_there) {
        const auto taken = std::find_if(listeners.begin(), listeners.end(), is_there);
        if (taken != listeners.end() && has_chosen_port(bind)) {
            pass.complain(where, core::to_string(bind) + " is already taken by " +
                                     named(taken->bind) + "; choose another");
        }
    };
    if (const auto& control = read.value.control) {
        refuse_taken(*control, read.control, [&](const placed_listener& listener) {
            const auto* other = std::get_if<core::unix_path>(&listener.value.bind);
            return other != nullptr && normal(*other) == normal(*control);
        });
    }
    if (read.value.bind) {
        const core::bind_address bind = *read.value.bind;
        refuse_taken(bind, read.bind, [&](const placed_listener& listener) {
            return collide(bind, listener.value.bind);
        });
    }
}

void check_nodes(const std::vector<placed_node>& nodes, reading& pass) {
    for (auto later = nodes.begin(); later != nodes.end(); ++later) {
        const auto& node = later->value;
        const auto earlier = std::find_if(nodes.begin(), later, [&](const auto& other) {
            return other.value.host == node.host && other.value.port == node.port;
        });
        if (earlier != later) {
            pass.complain(later->host, node.host.text() + " with port " +
                                           std::to_string(node.port) + " is already " +
                                           named(earlier->host) + "; put all its addresses there");
        }
        check_addresses(*later, pass);
    }
}

void check_suppressed_hosts(const std::vector<placed_suppression>& suppressed,
                            const std::vector<placed_node>& nodes, reading& pass) {
    for (const auto& one : suppressed) {
        const auto& host = one.value.host;
        const auto is_node = [&](const placed_node& node) {
            return node.value.host == *host;
        };
        if (host && std::none_of(nodes.begin(), nodes.end(), is_node)) {
            pass.complain(one.host, host->text() + " is no node of this file; write one of "
                                                   "cluster.nodes[].host, or leave host out");
        }
    }
}

void check_own_addresses(const std::vector<placed_listener>& listeners,
                         const std::vector<placed_node>& nodes, reading& pass) {
    for (const auto& node : nodes) {
        const auto addresses = pinned_addresses(node);
        for (std::size_t index = 0; index < node.addresses.size(); ++index) {
            const core::endpoint target{addresses[index], node.value.port};
            for (const auto& listener : listeners) {
                const auto* bind = std::get_if<core::endpoint>(&listener.value.bind);
                if (bind != nullptr && arrives_at(target, *bind)) {
                    pass.complain(node.addresses[index],
                                  target.to_string() + " is roachpin's own " +
                                      named(listener.bind) + "; write the database's address");
                }
            }
        }
    }
}

void check_resolution(const std::vector<placed_node>& nodes, const place& servers, reading& pass) {
    const auto resolved_node = std::find_if(nodes.begin(), nodes.end(), [](const auto& node) {
        return std::holds_alternative<resolved>(node.value.found) && !node.value.host.ip();
    });
    if (resolved_node != nodes.end()) {
        pass.complain(servers, resolved_node->value.host.text() +
                                   " has no addresses and is to be resolved; name the DNS servers "
                                   "to ask, such as servers: [10.0.0.53]");
    }
}

} // namespace roachpin::settings
