#include "settings/read_cluster.hpp"

#include "settings/certificate_pair.hpp"
#include "settings/files.hpp"
#include "settings/values.hpp"

#include <utility>

namespace roachpin::settings {
namespace {

constexpr std::string_view only_pinned =
    "this version of roachpin dials pinned addresses only; list the node's own, such as "
    "addresses: [10.1.2.3]";

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

std::vector<placed_address> read_addresses(mapping& in) {
    std::vector<placed_address> addresses;
    const bool present = in.is_present("addresses");
    in.list("addresses", addresses, parse_node_address);
    if (!present) {
        in.complain("addresses", "is missing; " + std::string(only_pinned));
    } else if (in.is_empty_list("addresses")) {
        in.complain("addresses", "the list is empty; " + std::string(only_pinned));
    }
    return addresses;
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
    for (auto& address : read_addresses(in)) {
        read.addresses.push_back(address.value);
        places.push_back(std::move(address.where));
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
