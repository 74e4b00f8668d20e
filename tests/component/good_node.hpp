#pragma once

#include "component/test_proxy.hpp"

namespace roachpin::test {

/// A cluster of honest nodes and a proxy's options for it: what most tests begin with.
class good_cluster {
public:
    good_cluster() : ca("Cockroach CA") {}

    identity node_identity() const {
        return ca.issue({.dns_sans = {node_name, "localhost"}, .ip_sans = {"127.0.0.1"}});
    }

    fake_cockroach_options node(session_mode mode = session_mode::sql) const {
        fake_cockroach_options options{.server = node_identity()};
        options.plays.session = mode;
        return options;
    }

    test_proxy_options proxy_for(const fake_cockroach& upstream) const {
        test_proxy_options options;
        options.ca_pem = ca.certificate_pem();
        options.nodes = {node_at(upstream.port())};
        return options;
    }

    /// With local TLS, too.
    test_proxy_options tls_proxy_for(const fake_cockroach& upstream) const {
        auto options = proxy_for(upstream);
        options.local_certificate = local_identity();
        return options;
    }

    identity local_identity() const {
        return ca.issue({.dns_sans = {"localhost"}, .ip_sans = {"127.0.0.1", "::1"}});
    }

    certificate_authority ca;
};

} // namespace roachpin::test
