#include "settings/read_cluster.hpp"

#include "settings/certificate_pair.hpp"
#include "settings/files.hpp"
#include "settings/values.hpp"

#include <array>
#include <utility>

namespace roachpin::settings {
namespace {

/// 1000 tiers are more than anyone has; a larger number is a slip.
constexpr std::uint64_t most_tiers = 1000;

struct placed_address {
    core::ip_address value;
    place where;
};

core::result<placed_address> parse_node_address(const scalar& value) {
    auto address = core::ip_address::parse(value.text);
    if (!address) {
        return address.error();
    }
    if (address->is_unspecified()) {
        return core::error{value.text + " is no machine's address; write the node's own"};
    }
    return placed_address{*address, value.where};
}

pinned read_addresses(mapping& in, std::vector<place>& places) {
    std::vector<placed_address> addresses;
    in.list("addresses", addresses, parse_node_address);
    if (in.is_empty_list("addresses")) {
        in.complain("addresses", "the list is empty; pin the node's own addresses, or leave it out "
                                 "and name the networks they are in (allow)");
    }
    pinned read;
    for (auto& address : addresses) {
        read.addresses.push_back(address.value);
        places.push_back(std::move(address.where));
    }
    return read;
}

core::result<core::cidr> parse_network(std::string_view text) {
    if (!core::ip_address::parse(text.substr(0, text.find('/')))) {
        return core::error{"\"" + std::string(text) +
                           "\" is not a network; write 10.1.0.0/16 or \"fd00:1::/64\""};
    }
    return core::cidr::parse(text);
}

core::result<core::cidr> parse_allowed_network(std::string_view text) {
    auto network = parse_network(text);
    if (network && network->prefix() == 0) {
        return core::error{"\"" + std::string(text) +
                           "\" lets in every address there is; name the networks of the nodes"};
    }
    return network;
}

core::result<core::dns_name> parse_suffix(std::string_view text) {
    auto name = core::dns_name::parse(text);
    if (name && name->text().empty()) {
        return core::error{
            "\"" + std::string(text) +
            "\" is the root and lets in every name there is; name the domains of the "
            "nodes"};
    }
    if (name && name->text().starts_with("*.")) {
        return core::error{"\"" + std::string(text) +
                           "\" would be a wildcard; write the domain alone, which stands for all "
                           "below it"};
    }
    return name;
}

core::result<core::dns_name> parse_srv(std::string_view text) {
    auto name = core::dns_name::parse(text);
    if (name && !name->text().starts_with('_')) {
        return core::error{"\"" + std::string(text) +
                           "\" is no name of an SRV record; it begins with the service and the "
                           "protocol, such as _sql._tcp.crdb.internal"};
    }
    return name;
}

/// The parent, unless that is a top-level domain or the root, where anybody may have a name: then
/// the host itself.
core::dns_name default_suffix(const core::host_name& host) {
    const auto name = *core::dns_name::parse(host.text());
    const auto parent = name.parent();
    return parent.text().find('.') == std::string::npos ? name : parent;
}

constexpr std::array<std::string_view, 5> resolution_keys{"allow", "deny", "cname_allow", "network",
                                                          "srv"};

resolved read_resolution(mapping& in, const core::host_name& host) {
    using policy::network_class;
    resolved read;
    in.list("allow", read.allow, parse_allowed_network);
    if (in.is_empty_list("allow")) {
        in.complain("allow",
                    "an empty list would let no address in; name the networks of the node");
    }
    in.list("deny", read.deny, parse_network);
    read.cname_allow = {default_suffix(host)};
    in.list("cname_allow", read.cname_allow, parse_suffix);
    in.value("network", read.network,
             one_of<network_class>{{{"private", network_class::private_only},
                                    {"public", network_class::public_only},
                                    {"any", network_class::any}}});
    read.srv = in.optional("srv", parse_srv);
    if (read.srv && in.is_empty_list("cname_allow")) {
        in.complain("cname_allow", "an empty list lets no target of srv in; name their domains");
    }
    return read;
}

/// Either pinned or resolved: a rule that could never be asked would look like protection.
void check_one_way(mapping& in, const std::optional<core::host_name>& host) {
    const bool has_addresses = in.is_present("addresses");
    for (const auto key : resolution_keys) {
        if (has_addresses && in.has_value(key)) {
            in.complain(key, "the node has addresses, which are dialled as they are: nothing would "
                             "ask for this; keep either addresses or " +
                                 std::string(key));
        }
    }
    if (!has_addresses && host && host->ip()) {
        in.complain("host", host->text() +
                                " is an address: there is nothing to resolve; pin it "
                                "with addresses: [\"" +
                                host->text() + "\"]");
    } else if (!has_addresses && !in.is_present("allow")) {
        in.complain("addresses", "is missing, and so is allow; pin the node's own addresses, such "
                                 "as addresses: [10.1.2.3], or have its name resolved and name the "
                                 "networks the answers must be in, such as allow: [10.1.0.0/16]");
    }
}

/// Stands in for a host that could not be read, so that the node's other keys are looked at.
core::host_name unknown_host() {
    return *core::host_name::parse("unknown");
}

std::optional<placed_node> read_node(mapping& in) {
    const auto host = in.required("host", core::host_name::parse);
    node read{.host = host.value_or(unknown_host()), .where = in.where().to_string()};
    in.value("port", read.port, between<std::uint16_t>{1, 65535});
    std::vector<place> places;
    read.found = read_addresses(in, places);
    auto resolution = read_resolution(in, read.host);
    check_one_way(in, host);
    if (!in.is_present("addresses")) {
        read.found = std::move(resolution);
    }
    in.value("tier", read.tier, between<unsigned>{0, most_tiers});
    in.list("spki_sha256", read.spki_sha256, core::spki_pin::parse);
    if (!host) {
        return std::nullopt;
    }
    return placed_node{std::move(read), in.place_of("host"), std::move(places)};
}

} // namespace

read_cluster_result read_cluster(mapping& in, const std::filesystem::path& base) {
    using core::tls_version;
    read_cluster_result read;
    auto& value = read.value;
    if (auto ca = in.required("ca_file", readable_file{base})) {
        value.ca = std::move(*ca);
    }
    value.crl = in.optional("crl_file", readable_file{base});
    in.list("spki_sha256", value.spki_sha256, core::spki_pin::parse);
    in.list("revoked_spki_sha256", value.revoked_spki_sha256, core::spki_pin::parse);
    in.value("min_tls", value.min_tls,
             one_of<tls_version>{{{"1.2", tls_version::v1_2}, {"1.3", tls_version::v1_3}}});
    value.client_certificate =
        read_certificate_pair(in, "client_cert_file", "client_key_file", base);
    in.required_sections("nodes", [&](mapping& entry) {
        if (auto node = read_node(entry)) {
            read.nodes.push_back(std::move(*node));
        }
    });
    return read;
}

} // namespace roachpin::settings
